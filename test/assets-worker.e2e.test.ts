import { beforeAll, describe, expect, test } from "vitest";
import { Project } from "./harness/project.ts";
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

  test("an address that begins with a rule's text after being written in another way", async () => {
    // Rules see the normalised path: nobody gets around the Worker.
    for (const path of ["/x/../members/letter.txt", "/x/%2e%2e/members/letter.txt", "/members/./letter.txt"]) {
      expect([path, (await fetch(path)).status]).toEqual([path, 401]);
    }
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
