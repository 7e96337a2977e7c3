/** `freehold backup`: a copy made while everything is in use, put elsewhere and started, answers as the original did. */
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { uploadForm } from "./harness/api.ts";
import { type Platform, repository, startPlatform } from "./harness/platform.ts";
import { Child, type Finished } from "./harness/processes.ts";
import { Project } from "./harness/project.ts";
import { usePlatform } from "./harness/suite.ts";

const platform = usePlatform();
const directory = mkdtempSync(join(tmpdir(), "fh-backup-"));
const file = join(directory, "all.tar.zst");
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Ends after the copy began and before the restored platform starts. */
const ALARM_MS = 6_000;

const WORKER = `
import { DurableObject } from "cloudflare:workers";
export class Counter extends DurableObject {
  async add() {
    const value = ((await this.ctx.storage.get("value")) ?? 0) + 1;
    await this.ctx.storage.put("value", value);
    return value;
  }
  async value() { return (await this.ctx.storage.get("value")) ?? 0; }
  async rang() { return (await this.ctx.storage.get("rang")) ?? 0; }
  ringIn(ms) { return this.ctx.storage.setAlarm(Date.now() + ms); }
  async alarm() { await this.ctx.storage.put("rang", (await this.rang()) + 1); }
}
export default {
  async fetch(request, { COUNTER, DB, KV, QUEUE, R2, SECRET }) {
    const [, action, n] = new URL(request.url).pathname.split("/");
    const counter = COUNTER.getByName(n ?? "1");
    if (action === "add") return new Response(String(await counter.add()));
    if (action === "insert") {
      const { meta } = await DB.prepare("insert into t (a) values (?)").bind(n).run();
      return new Response(String(meta.last_row_id));
    }
    if (action === "send") return new Response(String((await QUEUE.send(n)).metadata.metrics.backlogCount));
    // Larger than what stands in a row.
    const large = (number) => (number + ",").repeat(30_000);
    if (action === "large") {
      const next = Number((await KV.get("count")) ?? 0) + 1;
      await KV.put("large", large(next));
      await R2.put("large", large(next));
      await KV.put("count", String(next));
      return new Response(String(next));
    }
    if (action === "ring") return Response.json((await counter.ringIn(Number(n))) ?? null);
    if (action === "rang") return new Response(String(await counter.rang()));
    const rows = await DB.prepare("select count(*) as count, max(id) as last from t").first();
    const text = (await KV.get("large")) ?? large(0);
    const object = (await (await R2.get("large"))?.text()) ?? large(0);
    const numberOf = (value) => (value === large(Number.parseInt(value, 10)) ? Number.parseInt(value, 10) : value);
    const { backlogCount: queued } = await QUEUE.metrics();
    const values = { kv: numberOf(text), r2: numberOf(object) };
    return Response.json({ secret: SECRET, value: await counter.value(), rows, ...values, queued });
  },
};`;

let databaseId = "";

beforeAll(async () => {
  const { api } = platform();
  using project = new Project("assets-app");
  await platform().wranglerOk(project.directory, ["deploy"]);
  const created = (await api.send("POST", "/d1/database", { name: "backup" })) as { uuid: string };
  databaseId = created.uuid;
  await api.send("POST", `/d1/database/${databaseId}/query`, {
    sql: "create table t (id integer primary key, a text)",
  });
  const { id } = (await api.send("POST", "/storage/kv/namespaces", { title: "backup" })) as { id: string };
  await api.send("POST", "/queues", { queue_name: "backup" });
  await api.send("POST", "/r2/buckets", { name: "backup" });
  const metadata = {
    bindings: [
      { type: "queue", name: "QUEUE", queue_name: "backup" },
      { type: "r2_bucket", name: "R2", bucket_name: "backup" },
      { type: "kv_namespace", name: "KV", namespace_id: id },
      { type: "durable_object_namespace", name: "COUNTER", class_name: "Counter" },
      { type: "d1", name: "DB", id: databaseId },
      { type: "secret_text", name: "SECRET", text: "s3cret" },
    ],
    migrations: { new_tag: "v1", new_sqlite_classes: ["Counter"] },
  };
  await api.deploy("stateful", WORKER, metadata);
});

interface State {
  secret: string;
  value: number;
  rows: { count: number; last: number };
  /** Number that the large value of KV is made of, and the large object of R2. */
  kv: number;
  /** Messages that wait in the queue. */
  queued: number;
  r2: number;
}

/** Of the original and of the restored platform. */
async function answers(of: Platform) {
  const paths = ["/", "/about", "/data.json", "/none", "/api/hello", "/members/letter.txt"];
  const sites = await Promise.all(
    paths.map(async (path) => {
      const { status, body, headers } = await of.fetch(await of.url("app", path));
      return { path, status, body: body.replaceAll(String(of.port), "PORT"), etag: headers.etag };
    }),
  );
  const versions = await of.api.get("/workers/scripts/stateful/versions");
  const deployments = await of.api.get("/workers/scripts/stateful/deployments");
  const tables = await of.api.send("POST", `/d1/database/${databaseId}/query`, {
    sql: "select name from sqlite_schema where type = 'table' order by name",
  });
  return { sites, versions, deployments, tables: (tables as { results: unknown }[])[0]?.results };
}

async function state(of: Platform): Promise<State> {
  const reply = await of.fetch(await of.url("stateful", "/read"));
  expect(reply.status, reply.body).toBe(200);
  return reply.json() as State;
}

function backup(...args: string[]): Promise<Finished> {
  const env = { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "" };
  return new Child(process.execPath, ["src/main.ts", "backup", ...args], { cwd: repository, env }).end(60_000);
}

test("a backup made under load loses nothing that was acknowledged, and disturbs nobody", {
  timeout: 240_000,
}, async () => {
  const of = platform();
  const before = await answers(of);
  const urls = {
    add: await of.url("stateful", "/add"),
    insert: await of.url("stateful", "/insert/row"),
    large: await of.url("stateful", "/large"),
    send: await of.url("stateful", "/send/message"),
  };
  const acknowledged = { add: 0, insert: 0, large: 0, send: 0 };
  const failures: string[] = [];
  let ending = false;
  const load = async (kind: keyof typeof urls) => {
    while (!ending) {
      const { status, body } = await of.fetch(urls[kind]);
      if (status === 200) acknowledged[kind] = Math.max(acknowledged[kind], Number(body));
      else failures.push(`${kind} ${status} ${body.slice(0, 300)}`);
    }
  };
  const loads = [load("add"), load("insert"), load("insert"), load("large"), load("send")];
  onTestFinished(async () => {
    ending = true;
    await Promise.allSettled(loads);
  });
  await expect
    .poll(() => [Math.min(...Object.values(acknowledged)) > 20, failures], { timeout: 60_000 })
    .toEqual([true, []]);
  expect((await of.fetch(await of.url("stateful", `/ring/${ALARM_MS}`))).status).toBe(200);
  const atBegin = { ...acknowledged };

  const created = await backup("create", file, "--data", of.dataDir);
  expect(created.code, created.output).toBe(0);
  const atEnd = { ...acknowledged };
  // Deploys go on beside it, too.
  const form = uploadForm({}, [
    {
      name: "index.js",
      type: "application/javascript+module",
      content: "export default { fetch: () => new Response() }",
    },
  ]);
  expect((await of.api.call("PUT", "/workers/scripts/later", { form })).status).toBe(200);
  ending = true;
  await Promise.all(loads);
  expect(failures).toEqual([]);
  expect(atEnd.insert).toBeGreaterThan(atBegin.insert);
  expect(statSync(file).mode & 0o777).toBe(0o600);

  const target = join(directory, "data");
  const restored = await backup("restore", file, "--data", target);
  expect(restored.code, restored.output).toBe(0);
  expect(readFileSync(join(target, "master.key"))).toEqual(readFileSync(join(of.dataDir, "master.key")));

  const copy = await startPlatform({ dataDir: target });
  try {
    expect(await answers(copy)).toEqual(before);
    const found = await state(copy);
    expect(found.secret).toBe("s3cret");
    expect(found.value).toBeGreaterThanOrEqual(atBegin.add);
    expect(found.value).toBeLessThanOrEqual(atEnd.add + 1);
    expect(found.rows.count).toBe(found.rows.last);
    expect(found.rows.count).toBeGreaterThanOrEqual(atBegin.insert);
    expect(found.kv).toBeGreaterThanOrEqual(atBegin.large);
    expect(found.kv).toBeLessThanOrEqual(atEnd.large + 1);
    expect(found.queued).toBeGreaterThanOrEqual(atBegin.send);
    expect(found.queued).toBeLessThanOrEqual(atEnd.send + 1);
    expect(found.r2).toBeGreaterThanOrEqual(atBegin.large);
    expect(found.r2).toBeLessThanOrEqual(atEnd.large + 1);
    // All go on being written.
    expect((await copy.fetch(await copy.url("stateful", "/large"))).status).toBe(200);
    expect(Number((await copy.fetch(await copy.url("stateful", "/send/more"))).body)).toBe(found.queued + 1);
    expect(Number((await copy.fetch(await copy.url("stateful", "/add"))).body)).toBe(found.value + 1);
    expect(Number((await copy.fetch(await copy.url("stateful", "/insert/row"))).body)).toBe(found.rows.last + 1);
    const rang = await copy.url("stateful", `/rang/${ALARM_MS}`);
    await expect.poll(async () => Number((await copy.fetch(rang)).body), { timeout: 20_000 }).toBeGreaterThan(0);
    // What was deployed after the backup is not in it.
    expect((await copy.api.call("GET", "/workers/scripts/later")).status).toBe(404);
  } finally {
    const { code, output } = await copy.stop();
    expect(code, output).toBe(0);
  }
});

test("a platform that runs is not replaced", async () => {
  const refused = await backup("restore", file, "--data", platform().dataDir, "--force");
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("in use by another Freehold") });
  expect((await platform().fetch(await platform().url("app"))).status).toBe(200);
});
