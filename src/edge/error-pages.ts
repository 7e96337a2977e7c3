import { DAY_MS } from "../domain/daily-requests.ts";
import type { PageFormat } from "./client.ts";
import type { PageText } from "./error-catalogue.ts";

export interface ErrorPage {
  status: number;
  /** Field lines with CRLF. */
  fields: string;
  body: string;
}

/** Facts about the failed request that may be shown. */
export interface PageFacts {
  ray: string;
  format: PageFormat;
  /** Says more than the catalogue's explanation. Ours, never the client's words. */
  detail?: string | undefined;
  now?: Date;
}

/** Renders an entry of the catalogue for a client. */
export function errorPage(page: PageText, facts: PageFacts): ErrorPage {
  const now = facts.now ?? new Date();
  const explanation = facts.detail ?? page.explanation;
  const fields =
    `Content-Type: ${contentTypes[facts.format]}\r\nCache-Control: no-store\r\nserver: freehold\r\n` +
    (page.status === 503 ? "Retry-After: 1\r\n" : "") +
    (page.status === 429 ? `Retry-After: ${Math.ceil((DAY_MS - (now.getTime() % DAY_MS)) / 1000)}\r\n` : "") +
    (page.status === 405 ? "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n" : "") +
    (facts.ray === "" ? "" : `CF-Ray: ${facts.ray}\r\n`);
  const text = { ...page, explanation, ray: facts.ray, time: now.toISOString() };
  return { status: page.status, fields, body: renderers[facts.format](text) };
}

type Rendered = PageText & { ray: string; time: string };

const contentTypes: Record<PageFormat, string> = {
  html: "text/html; charset=utf-8",
  json: "application/json",
  text: "text/plain; charset=utf-8",
  xml: "application/xml",
};

const renderers: Record<PageFormat, (page: Rendered) => string> = { html, json, text, xml };

function text(page: Rendered): string {
  return `error ${page.code}: ${page.title}\n${page.explanation}\n${page.remedy}\nray ${page.ray}, ${page.time}\n`;
}

function json(page: Rendered): string {
  const { code, status, title, explanation, remedy, ray, time } = page;
  return `${JSON.stringify({ error: { code, status, title, explanation, remedy, ray, time } })}\n`;
}

/** As S3 says it; clients look at the code. */
function xml(page: Rendered): string {
  const code = xmlCodes[page.status] ?? (page.status < 500 ? "InvalidRequest" : "InternalError");
  const message = escapeHtml(`${page.explanation} ${page.remedy}`);
  const rest = `<Message>${message}</Message><RequestId>${escapeHtml(page.ray)}</RequestId>`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code>${rest}</Error>`;
}

const xmlCodes: Record<number, string> = {
  405: "MethodNotAllowed",
  408: "RequestTimeout",
  413: "EntityTooLarge",
  503: "ServiceUnavailable",
};

function html(page: Rendered): string {
  const title = escapeHtml(page.title);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title} (error ${page.code})</title>
<style>
:root { color-scheme: light dark; --text: #1d2129; --quiet: #667085; --line: #e4e7ec; --ground: #fff; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e8ec; --quiet: #98a2b3; --line: #2c323c; --ground: #14171c; } }
body { margin: 0; background: var(--ground); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 36rem; margin: 15vh auto 0; padding: 0 1.5rem; }
h1 { margin: 0 0 .75rem; font-size: 1.6rem; line-height: 1.25; }
.code, footer { color: var(--quiet); font-size: .875rem; }
.code { margin: 0 0 .25rem; }
footer { margin-top: 2rem; padding-top: .75rem; border-top: 1px solid var(--line); }
</style>
</head>
<body>
<main>
<p class="code">Error ${page.code}</p>
<h1>${title}</h1>
<p>${escapeHtml(page.explanation)}</p>
<p>${escapeHtml(page.remedy)}</p>
<footer>Ray ${escapeHtml(page.ray)} · ${escapeHtml(page.time)}</footer>
</main>
</body>
</html>
`;
}

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

function escapeHtml(value: string): string {
  return value.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}
