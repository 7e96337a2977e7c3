import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPlatform } from "../test/harness/platform.ts";
import { cpuMs } from "../test/harness/processes.ts";
import { tableCost } from "./assets-memory.ts";
import { startCaddy } from "./caddy.ts";
import { type Bench, type Figure, median, round } from "./lib.ts";
import { startNginxFiles } from "./nginx.ts";
import { hasWrk, wrk } from "./wrk.ts";

const rounds = 3;
const seconds = 2;
const tableFiles = 100_000;
const browser = { "Accept-Encoding": "gzip, deflate, br, zstd" };

interface Server {
  name: "edge" | "nginx" | "caddy";
  origin: string;
  headers: Record<string, string>;
  pids: () => number[];
}

interface Case {
  what: string;
  path: string;
  headers: Record<string, string>;
  /** With the entity tag that the server gave. */
  conditional?: boolean;
  /** Most CPU a request, of nginx's. */
  ofNginx?: number;
  /** Least throughput, of Caddy's. */
  ofCaddy?: number;
}

const cases: Case[] = [
  { what: "1 KB", path: "/1k.html", headers: {}, ofNginx: 1.25, ofCaddy: 3 },
  { what: "1 KB, compressed", path: "/1k.html", headers: browser },
  { what: "100 KB", path: "/100k.html", headers: {}, ofNginx: 1.25 },
  { what: "100 KB, compressed", path: "/100k.html", headers: browser },
  { what: "10 MB", path: "/10m.bin", headers: {}, ofNginx: 1.1 },
  { what: "304", path: "/1k.html", headers: {}, conditional: true },
  { what: "404", path: "/none.html", headers: {} },
];

interface Cost {
  cpuUs: number;
  perSecond: number;
}

export const assets: Bench = {
  name: "assets",
  conditions: `the same files on the edge (2 processes), nginx (2 workers, Debian's settings without log) and Caddy; ${rounds} interleaved rounds of ${seconds} s of wrk on 8 kept connections; CPU of the servers' processes from /proc; medians`,
  async run() {
    if (!hasWrk()) throw new Error("wrk is not installed");
    const project = mkdtempSync(join(tmpdir(), "fh-files-"));
    const root = join(project, "public");
    try {
      writeFiles(project, root);
      using nginx = await startNginxFiles(root, 2);
      using caddy = await startCaddy(root);
      await using platform = await startPlatform({ env: { FREEHOLD_EDGES: "2" } });
      await platform.wranglerOk(project, ["deploy"]);
      const host = new URL(await platform.url("files")).host;
      const servers: Server[] = [
        {
          name: "edge",
          origin: `http://127.0.0.1:${platform.port}`,
          headers: { Host: host },
          pids: () => platform.role("edge").map(({ pid }) => pid),
        },
      ];
      const local = (port: number) => ({ origin: `http://127.0.0.1:${port}`, headers: {} });
      if (nginx) servers.push({ name: "nginx", ...local(nginx.port), pids: nginx.pids });
      if (caddy) servers.push({ name: "caddy", ...local(caddy.port), pids: caddy.pids });
      const figures: Figure[] = [];
      for (const one of cases) figures.push(...(await compare(one, servers)));
      const { mb, openMs } = await tableCost(tableFiles);
      figures.push({
        what: `a site of ${tableFiles} files`,
        value: mb,
        unit: "MB",
        goal: 16,
        baseline: `opened in ${round(openMs)} ms`,
      });
      return figures;
    } finally {
      rmSync(project, { recursive: true, force: true });
    }
  },
};

function writeFiles(project: string, root: string): void {
  mkdirSync(root);
  const line = (index: number) =>
    `<p class="line-${index % 97}">Line ${index} of a page that a person might write.</p>\n`;
  const html = (bytes: number) =>
    Array.from({ length: bytes / 40 }, (_, index) => line(index))
      .join("")
      .slice(0, bytes);
  writeFileSync(join(root, "1k.html"), html(1024));
  writeFileSync(join(root, "100k.html"), html(100 * 1024));
  const noise = Buffer.alloc(10 * 1024 * 1024);
  for (let at = 0, seed = 1; at < noise.length; at += 4) {
    seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
    noise.writeInt32LE(seed, at);
  }
  writeFileSync(join(root, "10m.bin"), noise);
  const config = {
    name: "files",
    compatibility_date: "2026-11-01",
    assets: { directory: "public", html_handling: "none" },
  };
  writeFileSync(join(project, "wrangler.json"), JSON.stringify(config));
}

async function compare(one: Case, servers: Server[]): Promise<Figure[]> {
  const costs = new Map(servers.map(({ name }) => [name, [] as Cost[]]));
  for (const server of servers) await wrk(server.origin + one.path, await fieldsFor(one, server), 1);
  for (let i = 0; i < rounds; i++)
    for (const server of servers) costs.get(server.name)?.push(await measure(one, server));
  const of = (name: Server["name"], key: keyof Cost) => median((costs.get(name) ?? []).map((cost) => cost[key]));
  const [edge, nginx, caddy] = [of("edge", "cpuUs"), of("nginx", "cpuUs"), of("caddy", "cpuUs")];
  const [edgeRate, nginxRate, caddyRate] = [
    of("edge", "perSecond"),
    of("nginx", "perSecond"),
    of("caddy", "perSecond"),
  ];
  return [
    {
      what: `${one.what}: CPU a request, of nginx's`,
      value: edge / nginx,
      unit: "×",
      ...(one.ofNginx !== undefined && { goal: one.ofNginx }),
      baseline: `edge ${round(edge)} µs, nginx ${round(nginx)} µs, Caddy ${round(caddy)} µs`,
    },
    {
      what: `${one.what}: Caddy's throughput, of the edge's`,
      value: caddyRate / edgeRate,
      unit: "×",
      ...(one.ofCaddy !== undefined && { goal: Number((1 / one.ofCaddy).toFixed(3)) }),
      baseline: `a second: edge ${round(edgeRate)}, nginx ${round(nginxRate)}, Caddy ${round(caddyRate)}`,
    },
  ];
}

async function measure(one: Case, server: Server): Promise<Cost> {
  const fields = await fieldsFor(one, server);
  const pids = server.pids();
  const spent = () => pids.reduce((sum, pid) => sum + cpuMs(pid), 0);
  const before = spent();
  const report = await wrk(server.origin + one.path, fields, seconds);
  return { cpuUs: ((spent() - before) * 1000) / report.requests, perSecond: report.requests / report.seconds };
}

async function fieldsFor(one: Case, server: Server): Promise<Record<string, string>> {
  const fields = { ...server.headers, ...one.headers };
  if (!one.conditional) return fields;
  const { get } = await import("node:http");
  const tag = await new Promise<string>((resolve, reject) => {
    get(server.origin + one.path, { headers: fields }, (response) => {
      response.resume();
      resolve(response.headers.etag ?? "");
    }).on("error", reject);
  });
  return { ...fields, "If-None-Match": tag };
}
