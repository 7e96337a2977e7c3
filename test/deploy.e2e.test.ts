import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { urlPrintedBy } from "./harness/platform.ts";
import { Project } from "./harness/project.ts";
import { usePlatform } from "./harness/suite.ts";

const platform = usePlatform();

test("a TypeScript Worker answers at the address that the client printed", async () => {
  using project = new Project("hello-ts");
  const address = urlPrintedBy(await platform().wranglerOk(project.directory, ["deploy"]));
  expect(address).toMatch(new RegExp(`^https://hello\\.[a-z0-9-]+\\.localhost:${platform().port}/#\\.workers\\.dev$`));
  expect(await platform().fetch(address)).toMatchObject({ status: 200, body: "Hello from v1" });
  // The same host by plain HTTP.
  expect((await platform().fetch(await platform().url("hello"))).body).toBe("Hello from v1");
});

test("a second deploy replaces the first", async () => {
  using project = new Project("hello-ts");
  project.replace("src/index.ts", '"v1"', '"v2"');
  const address = urlPrintedBy(await platform().wranglerOk(project.directory, ["deploy"]));
  expect((await platform().fetch(address)).body).toBe("Hello from v2");
});

test("a Hono application with npm packages", async () => {
  using project = new Project("hono-app");
  const address = urlPrintedBy(await platform().wranglerOk(project.directory, ["deploy"]));
  const at = (path: string) => new URL(path, address).href;
  expect(await platform().fetch(at("/"))).toMatchObject({ status: 200, body: "<h1>Hono</h1>" });
  const user = await platform().fetch(at("/api/users/7?q=a%20b"), { headers: { origin: "https://example.com" } });
  expect(user.json()).toEqual({ id: 7, query: "a b" });
  expect(user.headers["access-control-allow-origin"]).toBe("*");
  const created = await platform().fetch(at("/api/users"), { method: "POST", body: '{"name":"Ada"}' });
  expect(created).toMatchObject({ status: 201, body: '{"created":{"name":"Ada"}}' });
  expect((await platform().fetch(at("/stream"))).body).toBe("one\ntwo\nthree\n");
  expect(await platform().fetch(at("/teapot"))).toMatchObject({ status: 418, body: "short and stout" });
  expect(await platform().fetch(at("/none"))).toMatchObject({ status: 404, body: '{"error":"no such route"}' });
});

test("a WebAssembly module", async () => {
  using project = new Project("wasm");
  const address = urlPrintedBy(await platform().wranglerOk(project.directory, ["deploy"]));
  expect((await platform().fetch(new URL("/?a=19&b=23", address).href)).body).toBe("42");
});

test("Node.js modules with nodejs_compat", async () => {
  using project = new Project("node-compat");
  const address = urlPrintedBy(await platform().wranglerOk(project.directory, ["deploy"]));
  const answer = (await platform().fetch(address, { method: "POST", body: "some text" })).json();
  expect(answer).toEqual({
    sha256: createHash("sha256").update("some text").digest("hex"),
    hmac: "EEFSxb/coHvGM+69RhmfAlXJ9J0=",
    equal: true,
    uuid: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4/),
    base64: "R3LDvMOfZQ==",
    stream: "STREAMING",
    event: 42,
    stored: "inside",
    colour: "green",
  });
});

test("the service-worker format, with blobs of each kind", async () => {
  using project = new Project("service-worker-format");
  const address = urlPrintedBy(await platform().wranglerOk(project.directory, ["deploy"]));
  expect((await platform().fetch(address)).body).toBe("Classic hello 3");
  const blobs = (await platform().fetch(new URL("/blobs", address).href)).json();
  expect(blobs).toEqual({ sum: 5, motto: "Own your machines.", bytes: [0, 1, 2, 255] });

  project.configure({ vars: { GREETING: "Second", LIST: [1] } });
  await platform().wranglerOk(project.directory, ["deploy"]);
  expect((await platform().fetch(address)).body).toBe("Second 1");
});

test("without a compatibility date the client refuses, and nothing is deployed", async () => {
  using project = new Project("hello-ts");
  project.configure({ name: "undated", compatibility_date: undefined });
  const { code, output } = await platform().wrangler(project.directory, ["deploy"]);
  expect(code).not.toBe(0);
  expect(output).toContain("compatibility_date");
  expect((await platform().fetch(await platform().url("undated"))).status).toBe(404);
});
