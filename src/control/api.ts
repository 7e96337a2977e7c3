import { randomBytes } from "node:crypto";
import { type Context, Hono } from "hono";
import { ApiError } from "../lib/api.ts";
import { ChannelError } from "../lib/channel.ts";
import { isDiskFull } from "../lib/disk-full.ts";
import type { ApiRoute, Platform } from "../store/platform.ts";
import { actorOf, authorize } from "./auth.ts";
import { parseBody } from "./body.ts";
import { fail, succeed } from "./envelope.ts";
import { refuse } from "./errors.ts";
import { openApiDocument } from "./openapi.ts";
import type { Tokens } from "./tokens.ts";

export const API_BASE = "/client/v4";

/** The API: everything under `/client/v4`, made from route tables. Every answer is in the client's envelope. */
export function createApi(platform: Platform, tokens: Tokens, routes: ApiRoute[]): Hono {
  const api = new Hono().basePath(API_BASE);
  for (const row of routes) {
    api.on(row.method, row.path, async (context) => succeed(await call(context, row, platform, tokens)));
  }
  // Made once: everybody may ask, and it takes long.
  let document: string | undefined;
  api.get("/openapi.json", () => {
    document ??= JSON.stringify(openApiDocument(routes, API_BASE));
    return new Response(document, { headers: { "content-type": "application/json" } });
  });
  return api;
}

/** Checks the caller and the body, runs the handler, and sees that a change is in the audit trail. */
async function call(context: Context, row: ApiRoute, platform: Platform, tokens: Tokens): Promise<unknown> {
  const raw = context.req.raw;
  const params: Record<string, string> = context.req.param();
  const token =
    row.scope === "none" ? undefined : await authorize(tokens, raw.headers, row.scope, { account: params.account });
  const actor = token ? actorOf(token, platform.config.domain) : { tokenId: "", email: "", scope: "read" as const };
  const body = row.body ? await parseBody(raw, row.body) : undefined;

  let audited = false;
  const request = {
    platform: {
      ...platform,
      audit: (event: Parameters<Platform["audit"]>[0]) => {
        audited = true;
        return platform.audit(event);
      },
    },
    actor,
    accountId: params.account ?? token?.accountId ?? "",
    params,
    query: new URL(raw.url).searchParams,
    body,
    raw,
  };
  const result = await row.handle(request as never);
  const refused = result instanceof Response && !result.ok;
  if (row.method !== "GET" && row.audited !== false && token && !audited && !refused) {
    const target = context.req.path.slice(API_BASE.length);
    await platform.audit({ accountId: token.accountId, actor, action: `${row.method} ${row.path}`, target });
  }
  return result;
}

/** What the client is told of an error. Details of unexpected ones go to stderr only. */
export function answerError(error: unknown, request: Request): Response {
  if (error instanceof ApiError) return fail(error);
  const ray = request.headers.get("cf-ray")?.match(/^[\w-]{1,64}$/)?.[0] ?? randomBytes(8).toString("hex");
  console.error(`ray ${ray}: ${request.method} ${new URL(request.url).pathname}:`, error);
  if (isDiskFull(error)) return fail(refuse.diskFull());
  return fail(error instanceof ChannelError ? refuse.supervisorSilent() : refuse.internal(ray));
}

/** 404, or 405 with `Allow` when another method would have found a route. OPTIONS asks for just that. */
export function answerUnrouted(routes: ApiRoute[], method: string, path: string): Response {
  const below = path.slice(API_BASE.length);
  const allowed = routes.filter((row) => patternOf(row).test(below)).map((row) => row.method);
  if (allowed.length === 0) return fail(refuse.noRoute(path));
  const allow = [...new Set(allowed), ...(allowed.includes("GET") ? ["HEAD"] : []), "OPTIONS"].join(", ");
  if (method === "OPTIONS") return new Response(null, { status: 204, headers: { allow } });
  const response = fail(refuse.method(method, [...new Set(allowed)]));
  response.headers.set("allow", allow);
  return response;
}

/** Everybody may ask for what is not there, so they are made once. */
const patterns = new WeakMap<ApiRoute, RegExp>();

function patternOf(row: ApiRoute): RegExp {
  let pattern = patterns.get(row);
  if (!pattern) {
    pattern = pathPattern(row.path);
    patterns.set(row, pattern);
  }
  return pattern;
}

function pathPattern(path: string): RegExp {
  const parts = path
    .split("/")
    .map((part) => (part.startsWith(":") ? (part.endsWith("{.+}") ? ".+" : "[^/]+") : part.replace(/[^\w-]/g, "\\$&")));
  return new RegExp(`^${parts.join("/")}$`);
}
