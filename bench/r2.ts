import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Platform, startPlatform } from "../test/harness/platform.ts";
import { callCost, platformPids } from "./call-cost.ts";
import { type Bench, type Figure, round } from "./lib.ts";
import { startNginxFiles } from "./nginx.ts";

const MIB = 1024 * 1024;
const sizes = [
  { name: "100 KB", key: "small", bytes: 100 * 1024, calls: 2_000, each: 50 },
  { name: "100 MB", key: "large", bytes: 100 * MIB, calls: 10, each: 1 },
];

/** Reads a body to its end in large pieces, so that the Worker's own code counts for little. */
const worker = `
async function drain(body, size) {
  const reader = body.getReader({ mode: "byob" });
  const piece = Math.min(size, 1048576);
  let buffer = new Uint8Array(piece), total = 0;
  for (;;) {
    const { value, done } = await reader.readAtLeast(piece, buffer);
    if (value) { total += value.byteLength; buffer = new Uint8Array(value.buffer); }
    if (done) break;
  }
  if (total !== size) throw new Error("read " + total + " of " + size);
}
const ways = {
  r2: async (env, key, size) => drain((await env.R2.get(key)).body, size),
  nginx: async (env, key, size) => drain((await fetch(env.NGINX + "/" + key)).body, size),
  nothing: async () => {},
};
export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    const [count, size] = ["count", "size"].map((name) => Number(searchParams.get(name)));
    for (let i = 0; i < count; i++) await ways[pathname.slice(1)](env, searchParams.get("key"), size);
    return new Response("done");
  },
};`;

export const r2: Bench = {
  name: "r2",
  conditions:
    "R2 gets from a Worker, one after the other, and the same Worker fetching the same file from nginx on this machine",
  async run() {
    const root = mkdtempSync(join(tmpdir(), "fh-r2-bench-"));
    try {
      using nginx = await startNginxFiles(root, 2);
      if (!nginx) throw new Error("nginx is not installed: it is the baseline");
      await using platform = await startPlatform({ env: { FREEHOLD_ALLOW_PRIVATE: "127.0.0.0/8" } });
      await platform.api.send("POST", "/r2/buckets", { name: "bench" });
      const bindings = [
        { type: "r2_bucket", name: "R2", bucket_name: "bench" },
        { type: "plain_text", name: "NGINX", text: `http://127.0.0.1:${nginx.port}` },
      ];
      await platform.api.deploy("app", worker, { bindings });
      const pids = () => [...platformPids(platform), ...nginx.pids()];
      const figures: Figure[] = [];
      for (const { name, key, bytes, calls, each } of sizes) {
        const content = Buffer.alloc(bytes, `${key} `);
        writeFileSync(join(root, key), content);
        await put(platform, key, content);
        const measured = [];
        for (const way of ["r2", "nginx"]) {
          const ask = async (count: number) => {
            const query = `key=${key}&size=${bytes}&count=${Math.min(count, each)}`;
            const { body } = await platform.fetch(await platform.url("app", `/${way}?${query}`), {
              timeoutMs: 120_000,
            });
            if (body !== "done") throw new Error(`the Worker answered ${body.slice(0, 200)}`);
          };
          await ask(each);
          measured.push(await callCost(calls, ask, pids, each));
        }
        const [ours, theirs] = measured;
        for (const [what, of] of [
          ["time", "p50Ms"],
          ["CPU of all processes", "cpuMs"],
        ] as const) {
          const [own, other] = [ours?.[of] ?? Number.NaN, theirs?.[of] ?? Number.NaN];
          figures.push({
            what: `get ${name}: ${what} over nginx's`,
            value: own / other,
            unit: "×",
            baseline: `${round(own)} ms, nginx ${round(other)} ms`,
            goal: 2,
          });
        }
      }
      return figures;
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  },
};

async function put(platform: Platform, key: string, content: Buffer): Promise<void> {
  const { base, account, token } = platform.api;
  const address = `${base}/accounts/${account}/r2/buckets/bench/objects/${key}`;
  const headers = { authorization: `Bearer ${token}` };
  const reply = await fetch(address, { method: "PUT", headers, body: new Uint8Array(content) });
  if (!reply.ok) throw new Error(`putting ${key}: ${await reply.text()}`);
}
