/** A data directory whose disk is full: what is refused says so, nothing acknowledged is lost, and all goes on with space. */
import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { killProcess, type Platform, startPlatform } from "./harness/platform.ts";

const DISK_MB = 192;

/** Why no small disk can be made here; undefined: one can. */
function obstacle(): string | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "only root on Linux can mount a small disk";
  const probe = mkdtempSync(join(tmpdir(), "fh-disk-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", probe], { stdio: "ignore" });
    execFileSync("umount", [probe]);
    return undefined;
  } catch {
    return "no file system can be mounted here";
  } finally {
    rmSync(probe, { recursive: true, force: true });
  }
}

const worker = `
const payload = (n, size) => String(n).padEnd(size, "x");
const operations = {
  kv: (env, n) => env.KV.put("k" + n, payload(n, 40_000)),
  r2: (env, n) => env.R2.put("k" + n, payload(n, 40_000)),
  inline: (env, n) => env.R2.put("i" + n, payload(n, 9_000)),
  d1: (env, n) => env.DB.prepare("insert into t values (?, ?)").bind(n, payload(n, 40_000)).run(),
  queue: (env, n) => env.QUEUE.send(payload(n, 40_000)),
};
const reads = {
  kv: async (env, n) => (await env.KV.get("k" + n)) === payload(n, 40_000),
  r2: async (env, n) => (await (await env.R2.get("k" + n))?.text()) === payload(n, 40_000),
  inline: async (env, n) => (await (await env.R2.get("i" + n))?.text()) === payload(n, 9_000),
  d1: async (env, n) => (await env.DB.prepare("select v from t where n = ?").bind(n).first("v")) === payload(n, 40_000),
};
export default {
  async fetch(request, env) {
    const [, what, name, from, to] = new URL(request.url).pathname.split("/");
    if (what === "make") {
      await env.DB.exec("create table if not exists t (n integer primary key, v text)");
      return new Response("made");
    }
    if (what === "write") {
      try {
        await operations[name](env, Number(from));
        return Response.json({ done: true });
      } catch (error) {
        return Response.json({ done: false, message: error.message });
      }
    }
    const missing = [];
    for (let n = Number(from); n < Number(to); n++) if (!(await reads[name](env, n))) missing.push(n);
    return Response.json(missing);
  },
};`;

const products = ["kv", "r2", "inline", "d1", "queue"] as const;
type Product = (typeof products)[number];

const reason = obstacle();
if (reason) console.warn(`Skipped: a full disk: ${reason}.`);

describe.skipIf(reason)("a full disk", () => {
  let disk: string;
  let platform: Platform;
  let address: string;
  let queueId: string;
  /** Of each product, how many writes were acknowledged: 0 to here. */
  const written: Record<Product, number> = { kv: 0, r2: 0, inline: 0, d1: 0, queue: 0 };

  beforeAll(async () => {
    disk = mkdtempSync(join(tmpdir(), "fh-disk-"));
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_MB}m`, "tmpfs", disk]);
    mkdirSync(join(disk, "p"));
    platform = await startPlatform({ dataDir: join(disk, "p", "data") });
    const { api } = platform;
    const kv = (await api.send("POST", "/storage/kv/namespaces", { title: "kv" })) as { id: string };
    await api.send("POST", "/r2/buckets", { name: "things" });
    const d1 = (await api.send("POST", "/d1/database", { name: "db" })) as { uuid: string };
    ({ queue_id: queueId } = (await api.send("POST", "/queues", { queue_name: "jobs" })) as { queue_id: string });
    await api.deploy("app", worker, {
      bindings: [
        { type: "kv_namespace", name: "KV", namespace_id: kv.id },
        { type: "r2_bucket", name: "R2", bucket_name: "things" },
        { type: "d1", name: "DB", id: d1.uuid },
        { type: "queue", name: "QUEUE", queue_name: "jobs" },
      ],
    });
    address = await platform.url("app", "");
    await call("/make");
    for (const product of products) for (let n = 0; n < 3; n++) expect(await write(product)).toEqual({ done: true });
  });
  afterAll(async () => {
    await platform?.[Symbol.asyncDispose]();
    execFileSync("umount", [disk]);
    rmSync(disk, { recursive: true, force: true });
  });

  const call = async (path: string) => {
    const { status, body } = await platform.fetch(address + path);
    if (status !== 200) throw new Error(`${path} answered ${status}: ${body.slice(0, 500)}`);
    return body;
  };
  async function write(product: Product): Promise<{ done: boolean; message?: string }> {
    const result = JSON.parse(await call(`/write/${product}/${written[product]}`)) as { done: boolean };
    if (result.done) written[product]++;
    return result;
  }
  const filler = () => join(disk, "filler");

  /** Writes until nothing more fits. */
  function fill(): void {
    const file = openSync(filler(), "a");
    try {
      for (let size = 1024 * 1024; size >= 4096; ) {
        try {
          writeSync(file, Buffer.alloc(size));
        } catch {
          size /= 2;
        }
      }
    } finally {
      closeSync(file);
    }
  }

  test("each write is refused and says why, and what was stored is still read", async () => {
    for (const product of products) {
      let refused: { done: boolean; message?: string } = { done: true };
      // What has room within files that are there already may go on for a little; what else gives room up meanwhile gives it to nobody.
      for (let n = 0; n < 200 && refused.done; n++) {
        fill();
        refused = await write(product);
      }
      expect(refused, product).toEqual({ done: false, message: expect.stringMatching(/full/i) });
    }
    await everythingIsThere();
  });

  test("a deploy is refused and says why, and the Worker that is there goes on", async () => {
    const { api } = platform;
    const source = `${worker}\n// ${"y".repeat(2_000_000)}`;
    fill();
    await expect(api.deploy("app", source)).rejects.toThrow(/full/i);
    await expect(api.deploy("new", source)).rejects.toThrow(/full/i);
    expect(await call("/read/kv/0/1")).toBe("[]");
  });

  test("with space again all of it works, and nothing that was acknowledged is lost, not even in a crash", async () => {
    rmSync(filler());
    for (const product of products) {
      await expect.poll(() => write(product), { timeout: 30_000 }).toEqual({ done: true });
    }
    await platform.api.deploy("new", worker.replace('"made"', '"new"'));
    for (const process of platform.role("services")) killProcess(process, "SIGKILL");
    await expect.poll(() => call("/read/kv/0/1").catch(() => ""), { timeout: 30_000 }).toBe("[]");
    await everythingIsThere();
    const { backlog_count } = (await platform.api.get(`/queues/${queueId}/metrics`)) as { backlog_count: number };
    expect(backlog_count).toBe(written.queue);
  });

  async function everythingIsThere(): Promise<void> {
    for (const product of ["kv", "r2", "inline", "d1"] as const) {
      expect(await call(`/read/${product}/0/${written[product]}`), product).toBe("[]");
    }
  }
});
