import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { repository } from "./harness/platform.ts";
import { Project } from "./harness/project.ts";
import { RawWebSocket } from "./harness/raw-socket.ts";
import { Site, type SiteFiles } from "./harness/site.ts";
import { usePlatform } from "./harness/suite.ts";

const platform = usePlatform();

/** `freehold zone …`, as the operator calls it. */
async function zone(...args: string[]): Promise<string> {
  const command = ["src/main.ts", "zone", ...args, "--data", platform().dataDir];
  return (await promisify(execFile)(process.execPath, command, { cwd: repository })).stdout;
}

const get = (host: string, path = "/", headers: Record<string, string> = {}) =>
  platform().fetch(`http://${host}:${platform().port}${path}`, { headers });

/** A Worker that says its name. */
const sayer = (name: string) => `export default { fetch: () => new Response(${JSON.stringify(name)}) };`;

beforeAll(async () => {
  for (const name of ["example.com", "shop.localhost"]) expect(await zone("add", name)).toContain(`${name} is a zone`);
});

test("zones are the operator's to make, list and remove", async () => {
  await zone("add", "example.net");
  expect(await zone("list")).toMatch(/^NAME[\s\S]*example\.com[\s\S]*example\.net[\s\S]*shop\.localhost/);
  await zone("remove", "example.net");
  expect(await zone("list")).not.toContain("example.net");
});

describe("wrangler deploy", () => {
  test("with routes and a custom domain: what it prints opens, and workers.dev does not", async () => {
    using project = new Project("hello-ts");
    project.configure({
      name: "front",
      routes: [
        "example.com/*",
        { pattern: "*.wild.example.com/app/*", zone_name: "example.com" },
        { pattern: "front.example.com", custom_domain: true },
      ],
    });
    const output = await platform().wranglerOk(project.directory, ["deploy"]);
    expect(output).toContain("example.com/*");
    expect(output).toContain("*.wild.example.com/app/* (zone name: example.com)");
    expect(output).toContain("front.example.com (custom domain)");
    expect(output).not.toContain("workers.dev");
    const greeting = (await get("example.com")).body;
    expect(greeting).toContain("Hello");
    expect((await get("any.wild.example.com", "/app/x")).body).toBe(greeting);
    expect((await get("any.wild.example.com", "/other")).status).toBe(404);
    expect((await get("front.example.com", "/deep/path?q")).body).toBe(greeting);
    expect((await get("other.example.com")).status).toBe(404);
    expect((await platform().fetch(await platform().url("front"))).status).toBe(404);

    // Again, with fewer: the client looks first whose routes they are, and the rest goes.
    project.configure({ routes: [{ pattern: "example.com/only", zone_name: "example.com" }] });
    expect(await platform().wranglerOk(project.directory, ["triggers", "deploy"])).toContain("example.com/only");
    expect((await get("example.com")).status).toBe(404);
    expect((await get("example.com", "/only")).body).toBe(greeting);
  });

  test("is refused a route of another Worker", async () => {
    await platform().api.deploy("owner", sayer("owner"));
    await platform().api.send("PUT", "/workers/scripts/owner/routes", [{ pattern: "owned.example.com/*" }]);
    using project = new Project("hello-ts");
    project.configure({ name: "late", routes: ["owned.example.com/*"], workers_dev: true });
    const { code, output } = await platform().wrangler(project.directory, ["deploy"]);
    expect(code).not.toBe(0);
    expect(output).toMatch(/"owner" is already assigned to the route[\s\S]*code: 10020/);
    expect((await get("owned.example.com")).body).toBe("owner");
  });
});

test("several Workers on one host, a route without one, and the custom domain behind them", async () => {
  const { api } = platform();
  for (const name of ["api", "docs", "home"]) await api.deploy(name, sayer(name));
  const [{ id }] = (await api.get("//zones?name=example.com")) as [{ id: string }];
  const routes = `//zones/${id}/workers/routes`;
  await api.send("POST", routes, { pattern: "multi.example.com/api/*", script: "api" });
  await api.send("POST", routes, { pattern: "https://multi.example.com/docs*", script: "docs" });
  await api.send("POST", routes, { pattern: "multi.example.com/api/public/*" });
  await api.send("PUT", "/workers/domains", { hostname: "multi.example.com", service: "home", zone_id: id });
  const at = async (path: string) => (await get("multi.example.com", path)).body;
  expect(await at("/")).toBe("home");
  expect(await at("/api/x")).toBe("api");
  expect(await at("/api/public/x")).toBe("home");
  expect(await at("/api/public/../x")).toBe("api");
  expect(await at("/docs")).toBe("home");
  // Of the domain's own authority: nothing else is certified by it.
  const authority = join(platform().dataDir, "tls", "domains", "example.com", "ca.pem");
  const secure = (address: string) =>
    platform().fetch(address.replace(/^(https:..[^/]+)/, `$1:${platform().port}`), { authority });
  expect((await secure("https://multi.example.com/docs")).body).toBe("docs");
  expect((await platform().fetch(`https://shop.localhost:${platform().port}/`)).status).toBe(404);
  await expect(platform().fetch(`https://multi.example.com:${platform().port}/`)).rejects.toThrow(/certificate/);

  const all = (await api.get(routes)) as { id: string; pattern: string }[];
  const negating = all.find(({ pattern }) => pattern.includes("public"));
  await api.send("DELETE", `${routes}/${negating?.id}`);
  expect(await at("/api/public/x")).toBe("api");
  // A Worker that is deleted takes its routes with it.
  await api.call("DELETE", "/workers/scripts/api");
  expect(await at("/api/x")).toBe("home");
});

test("a Worker on a route reaches the custom domain behind it, and other hosts of its account", async () => {
  const { api } = platform();
  const gate = `export default { async fetch(request) {
    const url = new URL(request.url);
    if (url.pathname === "/gate/elsewhere") {
      return fetch(url.searchParams.get("url"), { headers: request.headers }).catch((error) => new Response(String(error), { status: 599 }));
    }
    const response = await fetch(request);
    if (response.webSocket) return response;
    return new Response("gate(" + (await response.text()) + ")", response);
  } };`;
  const behind = `export default { async fetch(request) {
    if (request.headers.get("upgrade") === "websocket") {
      const { 0: client, 1: server } = new WebSocketPair();
      server.accept();
      server.addEventListener("message", (event) => server.send("echo " + event.data));
      return new Response(null, { status: 101, webSocket: client });
    }
    const { url, method, headers } = request;
    const body = await request.text();
    return Response.json({ url, method, body, ip: headers.get("cf-connecting-ip"), loop: headers.get("cdn-loop") });
  } };`;
  await api.deploy("gate", gate);
  await api.deploy("behind", behind);
  await api.send("PUT", "/workers/domains", { hostname: "chain.example.com", service: "behind" });
  await api.send("PUT", "/workers/scripts/gate/routes", [
    { pattern: "chain.example.com/gate/*" },
    { pattern: "alone.example.com/*" },
  ]);
  const base = `http://chain.example.com:${platform().port}`;
  const reply = await platform().fetch(`${base}/gate/x?y=1`, { method: "POST", body: "hello" });
  const seen = JSON.parse(/^gate\((.*)\)$/.exec(reply.body)?.[1] ?? reply.body);
  expect(seen).toMatchObject({ url: `${base}/gate/x?y=1`, method: "POST", body: "hello", ip: "127.0.0.1" });
  expect(seen.loop).toBe("freehold; loops=2");

  const socket = await RawWebSocket.open(platform().port, "chain.example.com", "/gate/ws");
  socket.send("hi");
  expect((await socket.next())?.payload.toString()).toBe("echo hi");

  const elsewhere = async (url: string) =>
    platform().fetch(`${base}/gate/elsewhere?url=${encodeURIComponent(url)}`, { timeoutMs: 20_000 });
  // As from outside, on the standard port too; the platform's API and this machine's other servers stay out of reach.
  const name = new URL(await platform().url("behind")).hostname;
  expect((await elsewhere(`https://${name}/z`)).json()).toMatchObject({ url: `https://${name}/z` });
  expect((await elsewhere(`http://${name}:${platform().port}/`)).status).toBe(200);
  expect((await elsewhere(`http://${name}:1/`)).status).toBe(599);
  expect((await elsewhere(`http://localhost:${platform().port}/ready`)).status).toBe(599);
  // Behind this route there is nothing.
  const alone = await get("alone.example.com", "/");
  expect([alone.status, alone.body]).toEqual([530, expect.stringContaining("error 1016")]);
});

describe("static assets on a path", () => {
  const files: SiteFiles = {
    "index.html": "root",
    "404.html": "nothing here",
    "secret.txt": "not below the path",
    "docs/index.html": "docs",
    "docs/guide.html": "guide",
    "docs/app.js": "let a",
    "docs/sub/index.html": "sub",
    _redirects: "/docs/old /docs/guide 301\n/docs/rewritten /docs/guide 200\n",
    _headers: "/docs/*\n  x-docs: yes\n",
  };

  test("of a site without a Worker", async () => {
    using site = new Site("manual", files, {
      routes: ["shop.localhost/docs/*", "shop.localhost/docs"],
      assets: { not_found_handling: "404-page" },
    });
    const output = await platform().wranglerOk(site.directory, ["deploy"]);
    expect(output).toContain("shop.localhost/docs/* (Will match assets: public/docs/*)");
    const table: [path: string, status: number, body: string | undefined, location?: string][] = [
      ["/docs/", 200, "docs"],
      ["/docs", 307, "", "/docs/"],
      ["/docs/guide", 200, "guide"],
      ["/docs/guide.html?q=1", 307, "", "/docs/guide?q=1"],
      ["/docs/index.html", 307, "", "/docs/"],
      ["/docs/app.js", 200, "let a"],
      ["/docs/sub", 307, "", "/docs/sub/"],
      ["/docs/sub/", 200, "sub"],
      ["/docs/old", 301, "", "/docs/guide"],
      ["/docs/rewritten", 200, "guide"],
      ["/docs/none", 404, "nothing here"],
      ["/docs/../secret.txt", 404, undefined],
      ["/docs/%2e%2e/secret.txt", 404, undefined],
      ["/docs/..%2fsecret.txt", 307, "", "/docs/../secret.txt"],
      ["/secret.txt", 404, undefined],
      ["/", 404, undefined],
    ];
    for (const [path, status, body, location] of table) {
      const reply = await get("shop.localhost", path);
      expect([path, reply.status, reply.headers.location]).toEqual([path, status, location]);
      if (body !== undefined) expect([path, reply.body]).toEqual([path, body]);
      expect(reply.body).not.toContain("not below");
    }
    expect((await get("shop.localhost", "/docs/app.js")).headers["x-docs"]).toBe("yes");
  });

  test("of a directory that lies at a base path", async () => {
    using site = new Site(
      "based",
      { "index.html": "root", "guide.html": "guide" },
      {
        routes: ["based.shop.localhost/*"],
        assets: { base_path: "/docs/" },
      },
    );
    await platform().wranglerOk(site.directory, ["deploy"]);
    const at = async (path: string) => {
      const { status, headers, body } = await get("based.shop.localhost", path);
      return [status, headers.location ?? body];
    };
    expect(await at("/docs")).toEqual([307, "/docs/"]);
    expect(await at("/docs/")).toEqual([200, "root"]);
    expect(await at("/docs/guide.html")).toEqual([307, "/docs/guide"]);
    expect(await at("/docs/guide")).toEqual([200, "guide"]);
    expect((await at("/guide"))[0]).toBe(404);
  });

  test("with a Worker behind them", async () => {
    using site = new Site("mixed", files, {
      main: "index.js",
      routes: ["mixed.example.com/docs/*", "mixed.example.com/api/*"],
      assets: { binding: "ASSETS" },
    });
    site.write(
      "index.js",
      `export default { fetch(request, env) {
        const { pathname, searchParams } = new URL(request.url);
        const file = searchParams.get("file");
        return file ? env.ASSETS.fetch(new URL(file, request.url)) : new Response("worker " + pathname);
      } };`,
    );
    await platform().wranglerOk(site.directory, ["deploy"]);
    const at = async (path: string) => (await get("mixed.example.com", path)).body;
    expect(await at("/docs/guide")).toBe("guide");
    expect(await at("/docs/none")).toBe("worker /docs/none");
    expect(await at("/api/none")).toBe("worker /api/none");
    expect((await get("mixed.example.com", "/secret.txt")).status).toBe(404);
    // The binding is not bound to the path.
    expect(await at("/api/x?file=/secret.txt")).toBe("not below the path");
  });
});

test("routes are there again after a restart of control, and without it", async () => {
  // Before: the next one makes them anew, perhaps at once.
  rmSync(join(platform().dataDir, "tls", "domains"), { recursive: true });
  const [control] = platform().role("control");
  process.kill(control?.pid ?? 0, "SIGKILL");
  expect((await get("multi.example.com")).body).toBe("home");
  await expect.poll(async () => (await get("localhost", "/ready")).status, { timeout: 20_000 }).toBe(200);
  expect((await get("multi.example.com", "/x")).body).toBe("home");
});
