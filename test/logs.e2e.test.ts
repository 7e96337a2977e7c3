/** What is known of invocations, and who gets it: Tail Workers, Logpush. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { GetObjectCommand, ListObjectsV2Command } from "@aws-sdk/client-s3";
import Cloudflare from "cloudflare";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CERTIFICATE, LogReceiver } from "../src/observe/logpush/testing-receiver.ts";
import { killProcess } from "./harness/platform.ts";
import { Project } from "./harness/project.ts";
import { type AccessKey, createAccessKey, s3Client } from "./harness/s3.ts";
import { usePlatform } from "./harness/suite.ts";

/** Where logs are pushed to: with a certificate of its own, on this machine. */
const receiver = new LogReceiver();
const scratch = mkdtempSync(join(tmpdir(), "freehold-logs-"));
const certificate = join(scratch, "receiver.pem");
writeFileSync(certificate, CERTIFICATE);
afterAll(() => rmSync(scratch, { recursive: true }));

const platform = usePlatform({
  FREEHOLD_LOGPUSH_SECONDS: "1",
  FREEHOLD_ALLOW_PRIVATE: "127.0.0.0/8",
  NODE_EXTRA_CA_CERTS: certificate,
});

describe("Tail Workers", () => {
  /** Keeps what it is told, by script. */
  const WATCHER = `
    const seen = [];
    export default {
      fetch(request) {
        const script = new URL(request.url).searchParams.get("script");
        return Response.json(seen.filter(({ scriptName }) => scriptName === script));
      },
      tail(items) {
        for (const item of items) seen.push({ ...item, original: item.event?.request?.getUnredacted() });
      },
    };`;

  interface Item {
    scriptName: string;
    outcome: string;
    event: Record<string, unknown> & { request?: { url: string } };
    [name: string]: unknown;
  }

  const app = new Project("logs-app");
  let versionId: string;
  beforeAll(async () => {
    await platform().api.deploy("watcher", WATCHER);
    await platform().wranglerOk(app.directory, ["deploy", "--tag", "first"]);
    const [version] = ((await platform().api.get("/workers/scripts/logs-app/versions")) as { items: { id: string }[] })
      .items;
    versionId = version?.id ?? "";
  });
  afterAll(() => app[Symbol.dispose]());

  const host = (script: string) => `http://${script}.dev.localhost:${platform().port}`;
  const fetch = (path: string, headers: Record<string, string> = {}, script = "logs-app") =>
    platform().fetch(`${host(script)}${path}`, { headers });
  const seen = async (script: string) => (await fetch(`/?script=${script}`, {}, "watcher")).json() as Item[];

  /** Waits until the watcher has been told of one like that. */
  async function told(wanted: (item: Item) => boolean, script = "logs-app"): Promise<Item> {
    let found: Item | undefined;
    await expect.poll(async () => (found = (await seen(script)).find(wanted)), { timeout: 20_000 }).toBeDefined();
    return found as Item;
  }
  const ofPath = (path: string) => (item: Item) => new URL(item.event?.request?.url ?? "x:").pathname === path;

  test("are told of a request with its logs, redacted, and of the version that answered", async () => {
    await fetch("/log?q=1", { authorization: "Bearer open-sesame", "X-Thing": "7" });
    const item = await told(ofPath("/log"));
    expect(item).toMatchObject({
      outcome: "ok",
      scriptName: "logs-app",
      scriptVersion: { id: versionId, tag: "first" },
      executionModel: "stateless",
      truncated: false,
      exceptions: [],
      logs: [
        { level: "log", message: ["hello", { n: 1 }] },
        { level: "error", message: ["careful"] },
      ],
      event: {
        request: {
          url: `${host("logs-app")}/log?q=1`,
          method: "GET",
          headers: { authorization: "REDACTED", "x-thing": "7" },
        },
        response: { status: 200 },
      },
      original: { headers: { authorization: "Bearer open-sesame", "x-thing": "7" } },
    });
    const { headers, cf } = item.event.request as unknown as Record<string, Record<string, string>>;
    expect(headers?.["cf-connecting-ip"]).toMatch(/^(127\.0\.0\.1|::1)$/);
    expect(Object.keys(headers ?? {}).filter((name) => name.startsWith("freehold"))).toEqual([]);
    expect(cf).toMatchObject({ httpProtocol: "HTTP/1.1" });
  });

  test("are told of exceptions, of objects and their alarms, and of Cron Triggers", async () => {
    expect((await fetch("/throw")).status).toBe(500);
    expect(await told(ofPath("/throw"))).toMatchObject({
      outcome: "exception",
      exceptions: [{ name: "RangeError", message: "on purpose", stack: expect.stringContaining("index.js") }],
    });
    await fetch("/object");
    const call = await told(({ event }) => event?.rpcMethod === "add");
    expect(call).toMatchObject({ entrypoint: "Counter", executionModel: "durableObject", logs: [{ level: "debug" }] });
    expect(call.durableObjectId).toMatch(/^[0-9a-f]{64}$/);
    expect(await told(({ logs }) => JSON.stringify(logs).includes('"alarm"'))).toMatchObject({
      event: { scheduledTime: expect.stringMatching(/^\d{4}-.*Z$/) },
    });
    await platform().api.send("POST", "/workers/scripts/logs-app/schedules/run", { cron: "0 3 1 JAN *" });
    expect(await told(({ event }) => event?.cron !== undefined)).toMatchObject({
      event: { cron: "0 3 1 JAN *", scheduledTime: expect.any(Number) },
      logs: [{ level: "info", message: ["due", "0 3 1 JAN *"] }],
    });
  });

  test("are told of every request through a deploy, and of previews", async () => {
    await platform().api.deploy("steady", "export default { fetch: () => new Response('a') }", {
      tail_consumers: [{ service: "watcher" }],
    });
    const sent: string[] = [];
    let running = true;
    const load = (async () => {
      while (running) {
        const path = `/n${sent.length}`;
        sent.push(path);
        expect((await fetch(path, {}, "steady")).status).toBe(200);
      }
    })();
    const { versionId: second } = await platform().api.deploy(
      "steady",
      "export default { fetch: () => new Response('b') }",
    );
    const length = sent.length;
    await expect.poll(() => sent.length).toBeGreaterThan(length + 5);
    running = false;
    await load;
    const paths = async () =>
      (await seen("steady")).map(({ event }) => new URL(event.request?.url ?? "x:").pathname).sort();
    await expect.poll(paths, { timeout: 20_000 }).toEqual(sent.toSorted());
    const { id } = await platform().api.upload("steady", "export default { fetch: () => new Response('c') }");
    await fetch("/preview", {}, `${id.slice(0, 8)}-steady`);
    expect(await told(ofPath("/preview"), "steady")).toMatchObject({ scriptVersion: { id } });
    expect((await told(ofPath(sent.at(-1) ?? ""), "steady")).scriptVersion).toMatchObject({ id: second });
  });

  test("are told of nothing by Workers of others, nor of themselves by themselves", async () => {
    await platform().api.deploy("loner", "export default { fetch: () => new Response('x') }");
    await fetch("/alone", {}, "loner");
    await platform().api.send("PATCH", "/workers/scripts/watcher/script-settings", {
      tail_consumers: [{ service: "watcher" }],
    });
    await fetch("/own", {}, "watcher");
    await told(ofPath("/own"), "watcher");
    const own = await seen("watcher");
    expect(own.filter(({ event }) => event?.consumedEvents)).toEqual([]);
    expect(await seen("loner")).toEqual([]);
    await platform().api.send("PATCH", "/workers/scripts/watcher/script-settings", { tail_consumers: [] });
  });

  test("are told of requests that exceeded a limit, and ended with their runner", async () => {
    const source = `export default { fetch(request) {
      if (request.url.includes("/spin")) for (;;);
      const kept = [];
      for (;;) kept.push(new Array(100_000).fill(Math.random()));
    } };`;
    await platform().api.deploy("greedy", source, {
      tail_consumers: [{ service: "watcher" }],
      limits: { cpu_ms: 100 },
    });
    expect((await fetch("/spin?x=1", { cookie: "a=b" }, "greedy")).status).toBe(503);
    const item = await told(ofPath("/spin"), "greedy");
    expect(item).toMatchObject({
      outcome: "exceededCpu",
      logs: [],
      exceptions: [{ message: "Worker exceeded CPU time limit." }],
      event: { request: { url: `${host("greedy")}/spin?x=1`, method: "GET", headers: { cookie: "REDACTED" } } },
      original: { headers: { cookie: "a=b" } },
    });
    expect((await seen("greedy")).filter(ofPath("/spin"))).toHaveLength(1);
    // Of a call by another Worker it is known that there was one.
    await platform().api.deploy(
      "calls-greedy",
      "export default { fetch: (request, env) => env.GREEDY.fetch(request) };",
      {
        bindings: [{ type: "service", name: "GREEDY", service: "greedy" }],
      },
    );
    expect((await fetch("/spin", {}, "calls-greedy")).status).toBe(500);
    const { event } = await told(({ outcome, event }) => outcome === "exceededCpu" && event === null, "greedy");
    expect(event).toBeNull();
  });

  test("a Pages project has them, without a new deployment", async () => {
    await platform().api.send("POST", "/pages/projects", { name: "site", production_branch: "main" });
    const form = new FormData();
    form.set("manifest", "{}");
    form.set("branch", "main");
    const code = "export default { fetch: () => { console.log('from a function'); return new Response('page'); } };";
    form.set("_worker.js", new File([code], "_worker.js"));
    const { envelope } = await platform().api.call("POST", "/pages/projects/site/deployments", { form });
    const { id } = envelope.result as { id: string };
    const at = (path: string) => platform().fetch(`http://site.pages.localhost:${platform().port}${path}`);
    expect((await at("/before")).body).toBe("page");
    await platform().api.send("PATCH", "/pages/projects/site", { tail_consumers: [{ service: "watcher" }] });
    await at("/after");
    const script = "pages-worker--site";
    expect(await told(ofPath("/after"), script)).toMatchObject({
      scriptVersion: { id },
      logs: [{ message: ["from a function"] }],
    });
    expect((await seen(script)).filter(ofPath("/before"))).toEqual([]);
  });

  test("one that is not there, or has no handler, is refused; one that is in use is not deleted unasked", async () => {
    app.configure({ tail_consumers: [{ service: "nobody" }] });
    const { code, stderr } = await platform().wrangler(app.directory, ["deploy"]);
    expect([code, stderr]).toEqual([1, expect.stringContaining('The Tail Worker "nobody" does not exist')]);
    expect(await platform().api.get("/workers/tails/by-consumer/watcher")).toEqual(
      expect.arrayContaining([{ producer: { service: "logs-app", environment: "production" } }]),
    );
    const { envelope } = await platform().api.call("DELETE", "/workers/scripts/watcher");
    expect(envelope.errors).toMatchObject([{ code: 10064 }]);
  });
});

describe("Logpush", () => {
  const WORKER = `export default {
    fetch(request) {
      const { pathname } = new URL(request.url);
      console.log("path", { pathname });
      if (pathname === "/throw") throw new TypeError("on purpose");
      return new Response("pushed");
    },
  };`;

  const app = new Project("hello-ts");
  const site = new Project("pages-site");
  let jobId: number;
  let key: AccessKey;
  let production: string;

  const sdk = () =>
    new Cloudflare({
      apiToken: platform().clientEnv.CLOUDFLARE_API_TOKEN ?? "",
      baseURL: platform().clientEnv.CLOUDFLARE_API_BASE_URL ?? "",
    });
  const account = () => ({ account_id: platform().api.account });
  const field_names = ["Event", "EventType", "Exceptions", "Logs", "Outcome", "ScriptName", "ScriptVersion"];

  beforeAll(async () => {
    await receiver.listen();
    app.write("src/index.ts", WORKER);
    app.configure({ logpush: true, name: "pushed" });
    site.write("_worker.js", WORKER);
    await platform().wranglerOk(app.directory, ["deploy", "--tag", "first"]);
    await platform().api.send("POST", "/pages/projects", { name: "pushed-site", production_branch: "main" });
    await platform().api.send("PATCH", "/pages/projects/pushed-site", { logpush: true });
    const args = ["pages", "deploy", ".", "--project-name", "pushed-site", "--branch", "main"];
    await platform().wranglerOk(site.directory, args);
    production = `http://pushed-site.pages.localhost:${platform().port}`;
    await platform().api.send("POST", "/r2/buckets", { name: "pushed-logs" });
    key = await createAccessKey(platform(), { permission: "object-read-write", buckets: ["pushed-logs"] });
  });
  afterAll(() => {
    receiver.close();
    app[Symbol.dispose]();
    site[Symbol.dispose]();
  });

  /** What came to the HTTPS destination of a request for that path. */
  const pushed = (path: string) => receiver.records.filter(({ Event }) => JSON.stringify(Event).includes(`${path}"`));
  const request = async (path: string, address?: string) =>
    (await platform().fetch(address ? address + path : await platform().url("pushed", path))).status;

  test("a job that posts gets what a Worker and a Pages project did", async () => {
    const conf = `https://${receiver.authority}/in?header_Authorization=Bearer%20mine`;
    const made = await sdk().logpush.jobs.create({
      ...account(),
      dataset: "workers_trace_events",
      destination_conf: conf,
      enabled: true,
      output_options: { field_names },
    });
    jobId = made?.id ?? 0;
    expect(made?.destination_conf).not.toContain("mine");
    expect(receiver.received).toMatchObject([
      { text: '{"content":"tests"}', headers: { authorization: "Bearer mine" } },
    ]);
    expect(await request("/one")).toBe(200);
    expect(await request("/throw")).toBe(500);
    expect(await request("/page", production)).toBe(200);
    for (const path of ["/one", "/throw", "/page"])
      await expect.poll(() => pushed(path).length, { timeout: 20_000 }).toBe(1);
    expect(pushed("/one")[0]).toMatchObject({
      Event: { RayID: expect.any(String), Request: { Method: "GET" }, Response: { Status: 200 } },
      EventType: "fetch",
      Outcome: "ok",
      ScriptName: "pushed",
      ScriptVersion: { tag: "first" },
      Logs: [{ Level: "log", Message: ["path", '{"pathname":"/one"}'], TimestampMs: expect.any(Number) }],
    });
    expect(pushed("/throw")[0]).toMatchObject({
      Outcome: "exception",
      Exceptions: [{ Name: "TypeError", Message: "on purpose", Stack: expect.any(String) }],
    });
    expect(pushed("/page")[0]).toMatchObject({ ScriptName: "pages-worker--pushed-site", Outcome: "ok" });
    await expect
      .poll(async () => (await sdk().logpush.jobs.get(jobId, account()))?.last_complete)
      .toMatch(/^\d{4}-\d\d-\d\dT/);
  });

  test("a job that fills a bucket writes files by day", async () => {
    const { access_key_id, secret_access_key } = key;
    const keys = `access-key-id=${access_key_id}&secret-access-key=${secret_access_key}`;
    const destination_conf = `r2://pushed-logs/w/{DATE}?account-id=${platform().api.account}&${keys}`;
    const filter = JSON.stringify({ where: { key: "Outcome", operator: "eq", value: "exception" } });
    const output_options = { field_names: ["Outcome"], output_type: "csv" as const };
    const parts = { ...account(), dataset: "workers_trace_events" as const, destination_conf, filter, output_options };
    await sdk().logpush.jobs.create({ ...parts, enabled: true });
    await request("/fine");
    await request("/throw");
    const client = s3Client(platform(), key);
    const list = async () => {
      const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: "pushed-logs", Prefix: "w/" }));
      return Contents.map(({ Key = "" }) => Key).filter((name) => name.endsWith(".log.gz"));
    };
    await expect.poll(list, { timeout: 20_000 }).toHaveLength(1);
    const [Key = ""] = await list();
    expect(Key).toMatch(/^w\/\d{8}\/\d{8}T\d{6}Z_\d{8}T\d{6}Z_[0-9a-f]{8}\.log\.gz$/);
    const { Body } = await client.send(new GetObjectCommand({ Bucket: "pushed-logs", Key }));
    expect(gunzipSync((await Body?.transformToByteArray()) ?? "").toString()).toBe('"exception"\n');
    client.destroy();
  });

  test("what was taken arrives although services and control were killed, and the destination was away", async () => {
    receiver.status = 500;
    await request("/kept");
    const message = async () => (await sdk().logpush.jobs.get(jobId, account()))?.error_message;
    await expect.poll(message, { timeout: 20_000 }).toBe("error uploading to https: the server answered 500");
    for (const role of ["control", "services"]) {
      const [victim] = platform().role(role);
      expect(victim).toBeDefined();
      if (victim) killProcess(victim, "SIGKILL");
    }
    receiver.status = 200;
    await expect.poll(() => pushed("/kept").length, { timeout: 20_000 }).toBe(1);
    await expect.poll(() => message().catch(() => "away"), { timeout: 20_000 }).toBeNull();
  });

  test("a destination that cannot be reached is refused", async () => {
    const answer = await sdk().logpush.validate.destination({ ...account(), destination_conf: "https://10.0.0.1/" });
    expect(answer).toEqual({ valid: false, message: expect.stringContaining("10.0.0.1 is no public address") });
  });
});
