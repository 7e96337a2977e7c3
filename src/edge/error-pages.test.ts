import { describe, expect, test } from "vitest";
import { pageForStatus, pages } from "./error-catalogue.ts";
import { errorPage } from "./error-pages.ts";

const now = new Date("2026-01-02T03:04:05.678Z");

describe("formats", () => {
  test("text", () => {
    expect(errorPage(pages.limits, { ray: "abc-FRH", format: "text", now })).toEqual({
      status: 503,
      fields:
        "Content-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\nserver: freehold\r\n" +
        "Retry-After: 1\r\nCF-Ray: abc-FRH\r\n",
      body:
        "error 1102: Worker exceeded resource limits\n" +
        "The Worker that answers here used more CPU time or memory than it may.\n" +
        "If this is your Worker, make it do less in one request, or raise its limits.\n" +
        "ray abc-FRH, 2026-01-02T03:04:05.678Z\n",
    });
  });

  test("JSON", () => {
    const { fields, body } = errorPage(pages.noWorker, { ray: "abc-FRH", format: "json", now });
    expect(fields).toContain("Content-Type: application/json\r\n");
    expect(JSON.parse(body)).toEqual({
      error: { ...pages.noWorker, ray: "abc-FRH", time: "2026-01-02T03:04:05.678Z" },
    });
  });

  test("HTML, with everything escaped", () => {
    const detail = `<script>"&'</script>`;
    const { fields, body } = errorPage(pages.badRequest, { ray: "<ray>", format: "html", detail, now });
    expect(fields).toContain("Content-Type: text/html; charset=utf-8\r\n");
    expect(body).toContain("&lt;script&gt;&quot;&amp;&#39;&lt;/script&gt;");
    expect(body).toContain("&lt;ray&gt;");
    expect(body).not.toContain("<script>");
    expect(body).toContain("prefers-color-scheme: dark");
  });
});

test("every status that the engine refuses with has its page", () => {
  for (const status of [400, 405, 408, 413, 414, 417, 431, 501, 505]) expect(pageForStatus(status).status).toBe(status);
  expect(pageForStatus(499)).toBe(pages.badRequest);
  expect(pageForStatus(503)).toBe(pages.badGateway);
});

test("codes and statuses of the original", () => {
  const table = Object.fromEntries(Object.entries(pages).map(([name, { code, status }]) => [name, [code, status]]));
  expect(table).toMatchObject({
    exception: [1101, 500],
    startupFailed: [1101, 500],
    limits: [1102, 503],
    crashed: [1105, 503],
    crashLoop: [1105, 503],
    overloaded: [1105, 503],
    noWorker: [1042, 404],
    loop: [1019, 508],
    dailyLimit: [1027, 429],
  });
});
