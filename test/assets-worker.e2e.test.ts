import { beforeAll, describe, expect, test } from "vitest";
import { Project } from "./harness/project.ts";
import { exchange } from "./harness/raw-socket.ts";
import { usePlatform } from "./harness/suite.ts";

const platform = usePlatform();
const browser = { "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };

const fetch = async (path: string, headers: Record<string, string> = {}, method = "GET") =>
  platform().fetch(await platform().url("app", path), { headers, method });

beforeAll(async () => {
  using project = new Project("assets-app");
  await platform().wranglerOk(project.directory, ["deploy"]);
});

const worker = (path: string, method = "GET") => JSON.stringify({ worker: path, method });

describe("who answers", () => {
  test.each([
    ["GET", "/", 200, "<h1>Home</h1>\n"],
    ["GET", "/about", 200, "<h1>About</h1>\n"],
    ["GET", "/api/users", 200, worker("/api/users")],
    ["POST", "/api/users", 200, worker("/api/users", "POST")],
    // A negative rule: the files, whatever they have to say.
    ["GET", "/api/docs/", 200, "<h1>API</h1>\n"],
    ["GET", "/api/docs/none", 404, "<h1>Nothing here</h1>\n"],
    ["POST", "/api/docs/", 405, ""],
    // With a list of rules the not-found page is an answer, for every client.
    ["GET", "/none", 404, "<h1>Nothing here</h1>\n"],
    ["POST", "/about", 405, ""],
  ])("%s %s: %d", async (method, path, status, body) => {
    const reply = await fetch(path, {}, method);
    expect([reply.status, reply.body]).toEqual([status, body]);
  });

  test("the Worker reads files by any address", async () => {
    expect((await fetch("/api/count")).json()).toEqual({ items: 3 });
  });

  test.each([
    ["/x/../members/letter.txt", 401],
    ["/x/%2e%2e/members/letter.txt", 401],
    ["/members/./letter.txt", 401],
    ["/x\\..\\members\\letter.txt", 401],
    // Not what the rule says, so the files answer: with the address under which the Worker comes first.
    ["/%6dembers/letter.txt", 307],
    ["//members/letter.txt", 307],
    ["/members%2Fletter.txt", 307],
    ["/MEMBERS/letter.txt", 404],
  ])("no way of writing an address leads around the Worker: %s", async (target, status) => {
    const { host } = new URL(await platform().url("app"));
    const { text } = await exchange(
      platform().port,
      `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    );
    expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(text).not.toContain("for members");
    if (status === 307) expect(text).toContain("location: /members/letter.txt\r\n");
  });
});

describe("middleware in front of the files", () => {
  test("changes headers and keeps the rest", async () => {
    const reply = await fetch("/admin/panel");
    expect([reply.status, reply.body]).toEqual([200, "<h1>Admin</h1>\n"]);
    expect(reply.headers).toMatchObject({
      "x-middleware": "passed",
      "cache-control": "private, no-store",
      "content-type": "text/html; charset=utf-8",
      etag: expect.stringMatching(/^"[0-9a-f]{32}"$/),
    });
    expect((await fetch("/admin/logo.svg")).headers["x-middleware"]).toBeUndefined();
  });

  test("sees conditions, redirects and not-found pages as a client does", async () => {
    const { etag = "" } = (await fetch("/admin/panel")).headers;
    expect((await fetch("/admin/panel", { "if-none-match": etag })).status).toBe(304);
    const canonical = await fetch("/admin/panel.html");
    expect([canonical.status, canonical.headers.location]).toEqual([307, "/admin/panel"]);
    const none = await fetch("/admin/none");
    expect([none.status, none.body, none.headers["x-middleware"]]).toEqual([404, "<h1>Nothing here</h1>\n", "passed"]);
    expect((await fetch("/admin/panel", {}, "HEAD")).body).toBe("");
  });

  test("decides who gets a file", async () => {
    expect(await fetch("/members/letter.txt")).toMatchObject({ status: 401, body: "members only" });
    expect((await fetch("/members/letter.txt", { authorization: "x" })).body).toBe("for members\n");
  });
});

test("links of a Worker's answer go ahead of its next one", async () => {
  const { host } = new URL(await platform().url("app"));
  const head = `GET /api/page HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n`;
  const navigate = async () =>
    (await exchange(platform().port, `${head}Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n\r\n`)).text;
  expect(await navigate()).toMatch(/^HTTP\/1\.1 200 /);
  // Each edge process learns by itself.
  await expect
    .poll(navigate)
    .toMatch(/^HTTP\/1\.1 103 Early Hints\r\nlink: <\/page\.css>; rel=preload; as=style\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
  expect((await exchange(platform().port, `${head}\r\n`)).text).toMatch(/^HTTP\/1\.1 200 /);
});

describe("_headers", () => {
  test.each([
    ["/", "of the files", undefined, "public, max-age=0, must-revalidate"],
    ["/about", undefined, undefined, "public, max-age=60"],
    ["/none", "of the files", undefined, "public, max-age=0, must-revalidate"],
    ["/admin/logo.svg", "of the files", "logo.svg", "public, max-age=0, must-revalidate"],
    // What the Worker makes of a file has the file's headers; its own answers have none of them.
    ["/admin/panel", "of the files", "panel", "private, no-store"],
    ["/api/users", undefined, undefined, undefined],
    ["/api/count", undefined, undefined, undefined],
  ])("%s", async (path, rule, admin, cache) => {
    const { headers } = await fetch(path);
    expect([headers["x-rule"], headers["x-admin"], headers["cache-control"]]).toEqual([rule, admin, cache]);
  });
});

describe("_redirects", () => {
  test.each([
    ["/home", 301, "/"],
    ["/home?a=1", 301, "/?a=1"],
    ["/team/kim", 302, "/about?who=kim"],
    ["/go", 302, "https://example.com/there"],
    // Through the Worker, by the binding.
    ["/admin/old", 302, "/admin/panel"],
    // The Worker comes first, and answers itself.
    ["/api/old", 200, undefined],
  ])("%s: %d", async (path, status, location) => {
    const reply = await fetch(path);
    expect([reply.status, reply.headers.location]).toEqual([status, location]);
  });

  test("a rewrite shows another file under the same address", async () => {
    expect(await fetch("/shell")).toMatchObject({ status: 200, body: "<h1>About</h1>\n" });
  });
});

describe("without rules for the Worker", () => {
  beforeAll(async () => {
    using project = new Project("assets-app");
    project.configure({
      name: "spa",
      assets: { directory: "./public", binding: "ASSETS", not_found_handling: "single-page-application" },
    });
    await platform().wranglerOk(project.directory, ["deploy"]);
  });
  const spa = async (path: string, headers: Record<string, string> = {}) =>
    platform().fetch(await platform().url("spa", path), { headers });

  test("a navigation gets the page, anything else the Worker", async () => {
    expect((await spa("/api/users", browser)).body).toBe("<h1>Home</h1>\n");
    expect((await spa("/api/users", { "sec-fetch-mode": "cors" })).body).toBe(worker("/api/users"));
    expect((await spa("/api/users")).body).toBe(worker("/api/users"));
    expect((await spa("/about")).body).toBe("<h1>About</h1>\n");
  });
});
