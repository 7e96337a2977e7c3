/** `wrangler r2`, a Worker that shares the objects with it, and the world that reads a bucket. */
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { killProcess, urlPrintedBy } from "./harness/platform.ts";
import { Project } from "./harness/project.ts";
import { usePlatform } from "./harness/suite.ts";

const platform = usePlatform();

let app: Project;
let address: string;
let queueId: string;
const bucket = "r2-app-my-files";

beforeAll(() => {
  app = new Project("r2-app");
});
afterAll(() => app[Symbol.dispose]());

const r2 = (...args: string[]) => platform().wranglerOk(app.directory, ["r2", ...args]);
const ask = (key: string) => platform().fetch(new URL(`/${encodeURIComponent(key)}`, address).href);
const info = (path = "") => platform().api.get(`/r2/buckets/${bucket}${path}`);

test("a deploy makes the bucket that the configuration does not name; a second one inherits it", async () => {
  const made = (await platform().api.send("POST", "/queues", { queue_name: "changes" })) as { queue_id: string };
  queueId = made.queue_id;
  address = urlPrintedBy(await platform().wranglerOk(app.directory, ["deploy"]));
  await platform().wranglerOk(app.directory, ["deploy"]);
  expect(await info()).toEqual({
    name: bucket,
    creation_date: expect.any(String),
    storage_class: "Standard",
    jurisdiction: "default",
  });
  expect((await ask("nothing")).status).toBe(404);
});

test("objects from files, with metadata, in both directions", async () => {
  const bytes = randomBytes(3_000_000);
  writeFileSync(join(app.directory, "file.bin"), bytes);
  const metadata = [
    "--content-type",
    "image/x-test",
    "--cache-control",
    "max-age=5",
    "--storage-class",
    "InfrequentAccess",
  ];
  await r2("object", "put", `${bucket}/a folder/ü.bin`, "--file", "file.bin", "--remote", ...metadata);
  const got = await ask("a folder/ü.bin");
  expect(got).toMatchObject({ status: 200, headers: { "content-type": "image/x-test", "cache-control": "max-age=5" } });
  const beyond = await platform().fetch(new URL(`/${encodeURIComponent("a folder/ü.bin")}`, address).href, {
    headers: { range: "bytes=3000000-" },
  });
  expect(beyond).toMatchObject({ status: 416, headers: { "content-range": "bytes */3000000" } });
  await r2("object", "get", `${bucket}/a folder/ü.bin`, "--file", "copy.bin", "--remote");
  expect(Buffer.compare(readFileSync(join(app.directory, "copy.bin")), bytes)).toBe(0);
  const { envelope } = await platform().api.call("GET", `/r2/buckets/${bucket}/objects?prefix=a`);
  expect(envelope.result).toMatchObject([
    {
      key: "a folder/ü.bin",
      size: 3_000_000,
      storage_class: "InfrequentAccess",
      http_metadata: { contentType: "image/x-test" },
    },
  ]);
  await platform().api.send("DELETE", `/r2/buckets/${bucket}/objects/a%20folder/%C3%BC.bin`);
  expect((await ask("a folder/ü.bin")).status).toBe(404);
});

test("many objects at once", async () => {
  const names = Array.from({ length: 30 }, (_, n) => `many/${n}.txt`);
  app.write("one.txt", "the same");
  app.write("bulk.json", JSON.stringify(names.map((key) => ({ key, file: "one.txt" }))));
  await r2("bulk", "put", bucket, "--filename", "bulk.json", "--remote");
  const { envelope } = await platform().api.call("GET", `/r2/buckets/${bucket}/objects?prefix=many/&per_page=20`);
  expect(envelope.result).toHaveLength(20);
  expect(envelope.result_info).toMatchObject({ is_truncated: true, cursor: expect.any(String) });
  expect(await r2("bucket", "info", bucket)).toMatch(/object_count:\s+30[\s\S]*bucket_size:\s+240 B/);
});

test("storage class, CORS, lifecycle and locks are set, shown and taken back", async () => {
  const rules = [{ allowed: { origins: ["https://a.example"], methods: ["GET"] }, maxAgeSeconds: 60 }];
  app.write("cors.json", JSON.stringify({ rules }));
  await Promise.all([
    r2("bucket", "update", "storage-class", bucket, "--storage-class", "InfrequentAccess"),
    r2("bucket", "cors", "set", bucket, "--file", "cors.json", "--force"),
    r2("bucket", "lifecycle", "add", bucket, "old logs", "logs/", "--expire-days", "30", "--force"),
    r2("bucket", "lock", "add", bucket, "kept", "keep/", "--retention-days", "1", "--force"),
  ]);
  expect(await info()).toMatchObject({ storage_class: "InfrequentAccess" });
  expect(await info("/cors")).toEqual({ rules });
  expect(await info("/lifecycle")).toMatchObject({
    rules: [{ id: "Default Multipart Abort Rule" }, { id: "old logs", conditions: { prefix: "logs/" } }],
  });
  expect(await info("/lock")).toMatchObject({ rules: [{ id: "kept", prefix: "keep/" }] });
  await platform().fetch(new URL("/keep%2Fme", address).href, { method: "PUT", body: "x" });
  const locked = await platform().api.call("DELETE", `/r2/buckets/${bucket}/objects/keep/me`);
  expect([locked.status, locked.envelope.errors[0]?.code]).toEqual([403, 10069]);
  await platform().api.send("PUT", `/r2/buckets/${bucket}/lock`, { rules: [] });
  await platform().api.send("DELETE", `/r2/buckets/${bucket}/cors`);
  expect((await platform().api.call("GET", `/r2/buckets/${bucket}/cors`)).envelope.errors[0]?.code).toBe(10059);
});

test("the world reads a bucket at its public address while that is switched on", async () => {
  const { domain } = (await info("/domains/managed")) as { domain: string };
  const object = `http://${domain}/many/7.txt`;
  expect((await platform().fetch(object)).status).toBe(404);
  expect(await r2("bucket", "dev-url", "enable", bucket, "--force")).toContain(domain);
  const got = await platform().fetch(object, { headers: { range: "bytes=4-" } });
  expect(got).toMatchObject({ status: 206, body: "same", headers: { "content-range": "bytes 4-7/8" } });
  expect(await platform().fetch(`http://${domain}/`)).toMatchObject({ status: 404 });
});

test("the world reads a bucket at a host name of a zone, with control held up, and a Worker may stand in front", async () => {
  const { api, port, dataDir } = platform();
  const { id } = (await api.send("POST", "//zones", { name: "example.com" })) as { id: string };
  const name = "files.example.com";
  await r2("bucket", "domain", "add", bucket, "--domain", name, "--zone-id", id, "--min-tls", "1.3", "--force");
  expect(await r2("bucket", "domain", "list", bucket)).toMatch(
    /domain:\s+files\.example\.com[\s\S]*enabled:\s+Yes[\s\S]*ownership_status:\s+active[\s\S]*ssl_status:\s+active[\s\S]*min_tls_version:\s+1\.3[\s\S]*zone_name:\s+example\.com/,
  );
  const get = (path: string, options = {}) => platform().fetch(`http://${name}:${port}${path}`, options);
  const authority = join(dataDir, "tls", "domains", "example.com", "ca.pem");
  const secure = (options = {}) => platform().fetch(`https://${name}:${port}/many/7.txt`, { authority, ...options });
  const [control] = platform().role("control");
  if (!control) throw new Error("there is no control process");
  killProcess(control, "SIGSTOP");
  try {
    const part = { status: 206, body: "same", headers: { "content-range": "bytes 4-7/8" } };
    expect(await get("/many/7.txt", { headers: { range: "bytes=4-" } })).toMatchObject(part);
    expect(await secure()).toMatchObject({ status: 200, body: "the same" });
    expect(await secure({ maxTls: "TLSv1.2" })).toMatchObject({ status: 403 });
    expect((await get("/none")).status).toBe(404);
    expect((await get("/many/7.txt", { method: "PUT", body: "x" })).status).toBe(405);
  } finally {
    killProcess(control, "SIGCONT");
  }

  // What a Worker on a route of the host asks for is what is behind the route.
  await api.deploy(
    "front",
    "export default { fetch: async (request) => new Response('via ' + await (await fetch(request)).text()) }",
  );
  await api.send("POST", `//zones/${id}/workers/routes`, { pattern: `${name}/many/8*`, script: "front" });
  expect((await get("/many/8.txt")).body).toBe("via the same");
  expect((await get("/many/7.txt")).body).toBe("the same");

  const taken = await api.call("PUT", "/workers/domains", { body: { hostname: name, service: "front" } });
  expect([taken.status, taken.envelope.errors[0]?.code]).toEqual([409, 100116]);
  await api.send("PUT", `/r2/buckets/${bucket}/domains/custom/${name}`, { enabled: false });
  expect((await get("/many/7.txt")).status).toBe(404);
  expect(await r2("bucket", "domain", "remove", bucket, "--domain", name, "--force")).toContain("removed");
  expect(await info("/domains/custom")).toEqual({ domains: [] });
  // Names that are storage's own, and nobody's.
  expect((await platform().fetch(`http://x.r2.localhost:${port}/many/7.txt`)).status).toBe(404);
});

test("changes are told to a queue", async () => {
  const events = ["--event-types", "object-create", "object-delete"];
  await r2("bucket", "notification", "create", bucket, "--queue", "changes", ...events, "--prefix", "watched/");
  expect(await r2("bucket", "notification", "list", bucket)).toMatch(/queue_name:\s+changes/);
  const rules = `//accounts/${platform().api.account}/event_notifications/r2/${bucket}/configuration/queues/${queueId}`;
  const again = await platform().api.call("PUT", rules, { body: { rules: [{ actions: ["PutObject"] }] } });
  expect(again.envelope.errors[0]?.message).toContain("overlaps");
  await platform().fetch(new URL("/watched%2Fa", address).href, { method: "PUT", body: "new" });
  await platform().api.call("DELETE", `/r2/buckets/${bucket}/objects/watched/a`);
  for (const action of ["PutObject", "DeleteObject"])
    await expect.poll(async () => (await ask(`told/${action}/watched/a`)).status, { timeout: 20_000 }).toBe(200);
  expect(JSON.parse((await ask("told/PutObject/watched/a")).body)).toMatchObject({
    account: platform().api.account,
    action: "PutObject",
    bucket,
    object: { key: "watched/a", size: 3, eTag: expect.stringMatching(/^[0-9a-f]{32}$/) },
  });
});

test("buckets are made and deleted; what cannot be is refused with the codes that clients know", async () => {
  await r2("bucket", "create", "second", "--storage-class", "InfrequentAccess");
  const { api } = platform();
  const codes = async (method: string, path: string, options = {}) => {
    const { status, envelope } = await api.call(method, `/r2/buckets${path}`, options);
    return [status, envelope.errors[0]?.code];
  };
  expect(await codes("POST", "", { body: { name: "second" } })).toEqual([409, 10004]);
  expect(await codes("POST", "", { body: { name: "No" } })).toEqual([400, 10005]);
  expect(await codes("GET", "/nowhere")).toEqual([404, 10006]);
  expect(await codes("GET", "/a_b")).toEqual([404, 10006]);
  expect(await codes("DELETE", `/${bucket}`)).toEqual([409, 10008]);
  expect(await codes("GET", `/${bucket}/objects/none`)).toEqual([404, 10007]);
  expect(await codes("GET", `/${bucket}/sippy`)).toEqual([404, 10007]);
  expect(await codes("PUT", `/${bucket}/objects/${"x".repeat(1025)}`, { body: "v" })).toEqual([400, 10020]);
  expect(
    (await api.call("PUT", `/r2/buckets/${bucket}/lifecycle`, { body: { rules: [{ id: "x", enabled: true }] } }))
      .status,
  ).toBe(400);
  await api.send("DELETE", "/r2/buckets/second");
  expect(await codes("GET", "/second")).toEqual([404, 10006]);
});
