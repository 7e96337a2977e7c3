/** Functions with the real client. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { heavyLoad } from "./harness/heavy-load.ts";
import { killProcess } from "./harness/platform.ts";
import { Project } from "./harness/project.ts";
import { usePlatform } from "./harness/suite.ts";

/** More than all tests before the last need. */
const DAILY_REQUESTS = 1000;
const platform = usePlatform({ FREEHOLD_DAILY_REQUESTS: String(DAILY_REQUESTS) });
const app = new Project("pages-app");
const advanced = new Project("pages-advanced");
const routed = new Project("pages-routes");
afterAll(() => {
  app[Symbol.dispose]();
  routed[Symbol.dispose]();
  advanced[Symbol.dispose]();
});

const pages = (project: Project, ...args: string[]) => platform().wranglerOk(project.directory, ["pages", ...args]);
const fetch = (
  host: string,
  path: string,
  options: { method?: string; body?: string; headers?: Record<string, string> } = {},
) => platform().fetch(`http://${host}.pages.localhost:${platform().port}${path}`, options);
const create = (name: string, more = {}) =>
  platform().api.send("POST", "/pages/projects", { name, production_branch: "main", ...more });

interface Deployed {
  id: string;
  uses_functions: boolean;
}
const newest = async (name: string) =>
  ((await platform().api.get(`/pages/projects/${name}/deployments`)) as Deployed[])[0] as Deployed;

describe("an app with Functions and a wrangler file", () => {
  beforeAll(async () => {
    const { id } = (await platform().api.send("POST", "/storage/kv/namespaces", { title: "visits" })) as { id: string };
    const { uuid } = (await platform().api.send("POST", "/d1/database", { name: "visits" })) as { uuid: string };
    const stores = {
      kv_namespaces: [{ binding: "KV", id }],
      d1_databases: [{ binding: "DB", database_name: "visits", database_id: uuid }],
    };
    app.configure({ ...stores, env: { preview: { vars: { GREETING: "hi" }, ...stores } } });
    await create("app");
    await pages(app, "functions", "build", "plugin/functions", "--plugin", "--outdir=plugin/dist");
    await platform().wranglerOk(app.directory, ["pages", "secret", "put", "SECRET"], { input: "hush" });
    await pages(app, "deploy", "--branch", "main");
    await pages(app, "deploy", "--branch", "feature");
  });

  test("routes by files, with middleware around and data handed on", async () => {
    const hello = await fetch("app", "/api/hello", { headers: { "x-visitor": "kim" } });
    expect(hello.json()).toEqual({ greeting: "hello", visitor: "kim", secret: "hush", branch: "main" });
    expect(hello.headers["x-middleware"]).toBe("/");
    expect((await fetch("app", "/api/hello", { method: "POST", body: "text" })).body).toBe("posted text");
    expect((await fetch("app", "/api")).body).toBe("index of the API");
    expect((await fetch("app", "/api/users/7")).json()).toEqual({ id: "7" });
    expect((await fetch("app", "/api/files/a/b")).json()).toEqual({ path: ["a", "b"] });
    expect((await fetch("app", "/api/files")).json()).toEqual({});
    expect((await fetch("app", "/api/throws")).body).toBe("caught: on purpose");
  });

  test("has a preview's variables in previews, and not production's secrets", async () => {
    const { greeting, secret, branch } = (await fetch("feature.app", "/api/hello")).json() as Record<string, string>;
    expect([greeting, secret, branch]).toEqual(["hi", undefined, "feature"]);
  });

  test("binds KV and D1", async () => {
    expect((await fetch("app", "/api/store")).json()).toEqual({ kv: 1, d1: 1 });
    await expect.poll(async () => ((await fetch("app", "/api/store")).json() as { kv: number }).kv).toBeGreaterThan(1);
  });

  test("imports WebAssembly and text", async () => {
    expect((await fetch("app", "/api/sum")).json()).toEqual({ sum: 5, note: "text of a file" });
  });

  test("mounts a plugin at a path and at the root, with its files", async () => {
    expect((await fetch("app", "/api/mounted/about-plugin")).body).toBe("plugin of a path");
    expect((await fetch("app", "/about-plugin")).body).toBe("plugin of the root");
    // At the root the client's own code looks for a plugin's files under another name.
    expect((await fetch("app", "/api/mounted/files/logo.svg")).headers["content-type"]).toBe("image/svg+xml");
  });

  test("falls through to the files, and starts no code where _routes.json says so", async () => {
    const through = await fetch("app", "/through");
    expect([through.body, through.headers["x-middleware"]]).toEqual(["<h1>Through the Functions</h1>\n", "/"]);
    for (const [path, body] of [
      ["/static", "<h1>Files of the API</h1>\n"],
      ["/api/manual", "<h1>Manual</h1>\n"],
    ] as const) {
      const { headers, ...reply } = await fetch("app", path);
      expect([reply.body, headers["x-middleware"]]).toEqual([body, undefined]);
    }
  });

  test("passThroughOnException shows the file of a Function that throws", async () => {
    const { status, body } = await fetch("app", "/api/fails");
    expect([status, body]).toEqual([200, "<h1>Instead of what failed</h1>\n"]);
  });

  test("source maps are part of the deployment", async () => {
    const { id } = await newest("app");
    const content = await platform().api.call("GET", `/workers/scripts/pages-worker--app/content/v2?version=${id}`);
    expect(content.body).toContain(".map");
  });

  test("secrets are listed and deleted; the configuration is downloaded as it is", async () => {
    expect(await pages(app, "secret", "list")).toContain("SECRET: Value Encrypted");
    await pages(app, "secret", "delete", "SECRET");
    using empty = new Project("pages-advanced");
    await pages(empty, "download", "config", "app");
    const file = empty.read("wrangler.toml");
    for (const text of [
      'name = "app"',
      'pages_build_output_dir = "public"',
      'GREETING = "hello"',
      "kv_namespaces",
      "d1_databases",
    ])
      expect(file).toContain(text);
    expect(file).not.toContain("SECRET");
  });
});

test("custom branch aliases, on any domain", async () => {
  await platform().api.send("PUT", "/pages/projects/app/aliases/staging", { branch: "feature" });
  const domain = { name: "staging.example.com", branch: "feature" };
  await platform().api.send("POST", "/pages/projects/app/domains", domain);
  for (const host of ["staging.app.pages.localhost", "staging.example.com"]) {
    const reply = await platform().fetch(`http://${host}:${platform().port}/api/hello`);
    expect(reply.json(), host).toMatchObject({ greeting: "hi", branch: "feature" });
  }
});

/** A row for each documented case (pages-and-builds.md 8, 11, 12): request, handler, parameters, middleware after that of the root. */
describe("file routes", () => {
  beforeAll(async () => {
    await create("routes");
    await pages(routed, "functions", "build", "plugin/functions", "--plugin", "--outdir=plugin/dist");
    await pages(routed, "deploy", "public", "--project-name=routes", "--branch=main");
  });

  test.each<[request: string, handler: string, params?: Record<string, unknown>, middleware?: string[]]>([
    // 8.1: which file answers which path.
    ["GET /", "index"],
    ["GET /about", "about/index.js"],
    ["GET /users/7", "user", { id: "7" }],
    ["GET /users/7/posts/9", "post of a user", { id: "7", post: "9" }],
    ["GET /files", "file"],
    ["GET /files/a", "file", { path: ["a"] }],
    ["GET /files/a/b", "file", { path: ["a", "b"] }],
    ["GET /news/page", "page of a section", { section: "news" }],
    // 8.1: methods, and lists of handlers.
    ["GET /methods", "get"],
    ["POST /methods", "post"],
    ["PUT /methods", "put"],
    ["PATCH /methods", "patch"],
    ["DELETE /methods", "delete"],
    ["OPTIONS /methods", "options"],
    ["PROPFIND /methods", "any"],
    ["GET /only-get", "only get"],
    ["GET /chain", "chain 3", {}, ["chain 1", "chain 2"]],
    // 8.2: what is more specific goes first.
    ["GET /users/me", "me"],
    ["GET /files/special", "special file"],
    // 8.3: case, a slash behind, names as they were sent.
    ["GET /USERS/7", "user", { id: "7" }],
    ["GET /users/7/", "user", { id: "7" }],
    ["GET /users/a%20b", "user", { id: "a%20b" }],
    ["GET /files/a/b%2Fc", "file", { path: ["a", "b%2Fc"] }],
    // 8.3: middleware from the root on, the one of every method first.
    ["GET /api/deep/leaf", "leaf", {}, ["api", "api get", "deep"]],
    ["POST /api/deep/leaf", "leaf", {}, ["api", "deep"]],
  ])("%s: %s", async (request, handler, params = {}, middleware = []) => {
    const [method = "", path = ""] = request.split(" ");
    expect((await fetch("routes", path, { method })).json()).toEqual({
      handler,
      params,
      functionPath: path,
      order: ["root 1", "root 2", ...middleware],
      asked: path,
    });
  });

  test.each<[request: string, status: number, body: string]>([
    // What no file takes is asked of the files, with their redirects and pages.
    ["GET /none", 404, "<h1>Page</h1>\n"],
    ["GET /api/deep/none", 404, "<h1>Page</h1>\n"],
    ["GET /ignored", 404, "<h1>Page</h1>\n"],
    ["GET /gone", 200, "<h1>other-file</h1>\n"],
    ["GET /other-file.html", 308, ""],
    // No other method, and HEAD is another.
    ["POST /only-get", 405, ""],
    ["HEAD /only-get", 200, ""],
    // 8.4: next() with another request; the handlers stay those of the first.
    [
      "GET /changed/first",
      200,
      '{"asked":"/changed/other?by=middleware","changed":"yes","functionPath":"/changed/first"}',
    ],
    ["GET /rewritten/x", 200, "<h1>other-file</h1>\n"],
    // 8.4: an exception, with and without passThroughOnException(), and an answer that is none.
    ["GET /pass", 200, "<h1>pass</h1>\n"],
    ["GET /nothing", 500, "error 1101"],
    // 8.4: the files by their pretty addresses.
    ["GET /assets", 200, '[200,"<h1>other-file</h1>\\n",308,"/other-file"]'],
    // 12: kinds of source and of imports.
    ["GET /typed", 200, "<h1>typed</h1>"],
    ["GET /module", 200, "module"],
    ["GET /imports", 200, '[[1,2,3],"<p>page</p>","SELECT 1"]'],
    // 11: a plugin at the root and at a path, what it is mounted with, and its own files.
    ["GET /who", 200, "at the root"],
    ["GET /mounted/who", 200, "at a path"],
    ["GET /logo.svg", 200, "<svg"],
    ["GET /mounted/logo.svg", 200, "<svg"],
  ])("%s: %d %s", async (request, status, body) => {
    const [method = "", path = ""] = request.split(" ");
    const reply = await fetch("routes", path, { method });
    expect(reply.status).toBe(status);
    expect(reply.body.slice(0, body.length || undefined)).toBe(body);
  });

  test("HEAD has a handler of its own", async () => {
    expect((await fetch("routes", "/methods", { method: "HEAD" })).headers["x-handler"]).toBe("head");
  });
});

describe("advanced mode", () => {
  const deploy = () =>
    platform().wrangler(advanced.directory, ["pages", "deploy", "site", "--project-name=advanced", "--branch=main"]);

  beforeAll(async () => {
    await create("advanced");
    expect((await deploy()).code).toBe(0);
  });

  test("_worker.js as a directory: modules, WebAssembly, the files behind it", async () => {
    expect((await fetch("advanced", "/sum")).json()).toBe(5);
    const home = await fetch("advanced", "/");
    expect([home.body, home.headers["x-advanced"]]).toEqual(["<h1>Advanced</h1>\n", "1"]);
    expect((await fetch("advanced", "/_worker.js/index.js")).body).not.toContain("import");
  });

  test("a deployment that failed is retried as it was uploaded, once what it lacked is there", async () => {
    const project = "/pages/projects/advanced";
    const bind = (KV: unknown) =>
      platform().api.send("PATCH", project, { deployment_configs: { preview: { kv_namespaces: { KV } } } });
    await bind({ namespace_id: "0".repeat(32) });
    const args = ["pages", "deploy", "site", "--project-name=advanced", "--branch=lacking"];
    const { code, output } = await platform().wrangler(advanced.directory, args);
    expect(code).not.toBe(0);
    expect(output).toContain("[code: 10041]");
    const failed = (await newest("advanced")).id;
    await bind(null);
    const { id } = (await platform().api.send("POST", `${project}/deployments/${failed}/retry`)) as { id: string };
    expect((await fetch("lacking.advanced", "/sum")).json()).toBe(5);
    for (const one of [id, failed]) await platform().api.send("DELETE", `${project}/deployments/${one}?force=true`);
  });

  test("code that does not start is a failed deployment, and the client says why", async () => {
    const live = (await newest("advanced")).id;
    advanced.replace("site/_worker.js/index.js", "export default", 'throw new Error("on purpose");\nexport default');
    const { code, output } = await deploy();
    expect(code).not.toBe(0);
    expect(output).toMatch(/Deployment failed!\S*\s+Uncaught Error: on purpose/);
    const list = await pages(advanced, "deployment", "list", "--project-name=advanced");
    expect(list).toMatch(/Production.*Failure/);
    const failed = (await newest("advanced")).id;
    expect(failed).not.toBe(live);
    expect((await fetch("advanced", "/sum")).json()).toBe(5);
    await platform().api.send("DELETE", `/pages/projects/advanced/deployments/${failed}`);
    expect((await newest("advanced")).id).toBe(live);
  });
});

describe("when the requests of the day are used up", () => {
  const answers = async () => {
    const worker = await platform().fetch(await platform().url("counted"), { headers: { accept: "text/html" } });
    const open = await fetch("app", "/through");
    const closed = await fetch("advanced", "/");
    const title = /<title>(.*)<\/title>/.exec(worker.body)?.[1] ?? worker.body;
    return [
      `${worker.status} ${title}`,
      `${open.status} ${open.body.trim()} ${open.headers["x-middleware"] ?? "by itself"}`,
      `${closed.status} ${closed.body.split("\n")[0]}`,
    ];
  };
  const usedUp = [
    "429 Daily requests are used up (error 1027)",
    "200 <h1>Through the Functions</h1> by itself",
    "429 error 1027: Daily requests are used up",
  ];

  test("Workers show error 1027, a project fails open or closed as it says", async () => {
    await platform().api.deploy("counted", "export default { fetch: () => new Response('counted') }");
    const production = { fail_open: false };
    await platform().api.send("PATCH", "/pages/projects/advanced", { deployment_configs: { production } });
    const { id } = await newest("advanced");
    await platform().api.send("POST", `/pages/projects/advanced/deployments/${id}/retry`);
    expect(await answers()).toEqual(["200 counted", "200 <h1>Through the Functions</h1> /", "200 <h1>Advanced</h1>"]);
    const { host } = new URL(await platform().url("counted"));
    await heavyLoad({ port: platform().port, host, connections: 8, requests: DAILY_REQUESTS });
    await expect.poll(answers, { timeout: 20_000 }).toEqual(usedUp);
    // What never reaches code goes on.
    expect((await fetch("app", "/api/manual")).body).toBe("<h1>Manual</h1>\n");
  });

  test("the verdict outlives control and the edges", async () => {
    const [control] = platform().role("control");
    if (control) killProcess(control, "SIGKILL");
    expect(await answers()).toEqual(usedUp);
    for (const edge of platform().role("edge")) killProcess(edge, "SIGKILL");
    const ready = () =>
      platform()
        .fetch(`${platform().origin}/ready`)
        .then(
          ({ status }) => status,
          () => 0,
        );
    await expect.poll(ready, { timeout: 20_000 }).toBe(200);
    // By the database, from which control published anew.
    expect(await answers()).toEqual(usedUp);
  });
});
