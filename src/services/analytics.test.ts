/** Analytics on real hosts in their sandbox. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import type { Config } from "../domain/config.ts";
import { paths } from "../domain/paths.ts";
import { DatabaseHosts } from "../supervisor/database-hosts.ts";
import { detectHost } from "../supervisor/host.ts";
import { ProcessList } from "../supervisor/process-list.ts";
import { recover } from "../supervisor/recovery.ts";
import { testConfig } from "../supervisor/testing.ts";
import { Analytics } from "./analytics.ts";

const ACCOUNT = "a".repeat(32);
const OTHER = "b".repeat(32);
const DAY = "2026-01-01";

let config: Config;
let hosts: DatabaseHosts;
let analytics: Analytics;
let sandboxed: boolean;

beforeAll(async () => {
  config = testConfig();
  await recover(config);
  const host = await detectHost(config);
  sandboxed = host.bubblewrap !== undefined;
  const processes = new ProcessList(paths(config).runnerPids);
  hosts = new DatabaseHosts({ config, host, processes, log: () => {} });
});

beforeEach(() => {
  analytics = new Analytics({
    root: paths(config).analyticsRoot,
    settings: { retentionMs: 1e12, maxAccountBytes: 1e12 },
    startHost: (kind) => (hostId, accountId) => hosts.start(hostId, accountId, kind),
    endHost: (hostId) => hosts.end(hostId),
  });
});

afterEach(async () => {
  await analytics.close();
  rmSync(paths(config).analyticsRoot, { recursive: true, force: true });
});

afterAll(async () => {
  await hosts.stop();
  rmSync(config.dataDir, { recursive: true, force: true });
  rmSync(config.runDir, { recursive: true, force: true });
});

interface Reply {
  ok: boolean;
  text: string;
}

const query = (sql: string, accountId = ACCOUNT) =>
  new Promise<Reply>((resolve) => {
    const done = ({ ok, payload }: { ok: boolean; payload: Buffer }) => resolve({ ok, text: payload.toString() });
    analytics.query(accountId, { sql }, () => true, done);
  });

const point = (index: string) => ({ index, fields: `{"t":${Math.floor(Date.now() / 1000)},"i":"${index}"` });
const directory = (accountId: string, dataset: string) => join(paths(config).analytics(accountId), dataset, DAY);

function put(accountId: string, dataset: string, name: string, content: string): void {
  mkdirSync(directory(accountId, dataset), { recursive: true });
  writeFileSync(join(directory(accountId, dataset), name), content);
}

test("a query sees what was taken in before it", async () => {
  analytics.intake.write(ACCOUNT, "ds", point("x"));
  const { ok, text } = await query("SELECT index1, count() AS n FROM ds GROUP BY index1 FORMAT TabSeparated");
  expect([ok, text]).toEqual([true, "x\t1\n"]);
});

test("each account sees its own, in a host that sees no more and cannot write", async () => {
  put(ACCOUNT, "ds", "00000001.seg", '{"t":1,"b1":"mine"}\n');
  put(OTHER, "ds", "00000001.seg", '{"t":1,"b1":"theirs"}\n');
  const values = await Promise.all([ACCOUNT, OTHER].map((id) => query("SELECT blob1 FROM ds FORMAT TabSeparated", id)));
  expect(values.map(({ text }) => text)).toEqual(["mine\n", "theirs\n"]);
  if (!sandboxed) return;
  for (const { pid, accountId } of hosts.status()) {
    const mounts = childMounts(pid);
    const data = mounts.find((line) => line.split(" ")[4] === "/data");
    expect(data).toContain(accountId);
    expect(data?.split(" ")[5]).toMatch(/^ro/);
    // Nothing else of the platform's.
    expect(
      mounts.filter(
        (line) => line.includes(config.dataDir) && ![" /data ", " /in "].some((point) => line.includes(point)),
      ),
    ).toEqual([]);
  }
});

test("segments are packed by another host, one day after the other", async () => {
  put(ACCOUNT, "ds", "00000001.seg", '{"t":1}\n');
  put(ACCOUNT, "ds", "00000002.open", '{"t":2}\n');
  put(ACCOUNT, "another", "00000001.seg", '{"t":3}\n');
  await analytics.keep();
  await vi.waitFor(() => {
    expect(readdirSync(directory(ACCOUNT, "ds"))).toEqual(["00000001-00000002.parquet"]);
    expect(readdirSync(directory(ACCOUNT, "another"))).toEqual(["00000001-00000001.parquet"]);
  }, 30_000);
  expect((await query("SELECT count() FROM ds FORMAT TabSeparated")).text).toBe("2\n");
});

test("a mistake, and a query that needs too much, are told; the next is answered", async () => {
  expect(await query("SELECT 1 FROM nowhere")).toEqual({
    ok: false,
    text: expect.stringMatching(/^{"code":"sql","message":"Input was invalid: unable to find the dataset/),
  });
  const lines = Array.from({ length: 20_000 }, (_, n) => `{"t":${n},"b1":"${n}${"x".repeat(1000)}"}\n`).join("");
  for (let id = 1; id <= 3; id++) put(ACCOUNT, "ds", `0000000${id}.seg`, lines);
  const many = `SELECT ${Array.from({ length: 30 }, (_, n) => `topKWeighted(10)(format('{}${n}', blob1), 1) AS a${n}`)} FROM ds`;
  const { ok, text } = await query(many);
  expect([ok, text]).toEqual([false, expect.stringMatching(/needs more than 512 MiB of memory|took too much memory/)]);
  expect((await query("SELECT 1 FORMAT TabSeparated")).text).toBe("1\n");
});

/** Mounts of the process in the sandbox, whose parent is bubblewrap. */
function childMounts(pid: number): string[] {
  const child = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ")[0];
  return readFileSync(`/proc/${child}/mountinfo`, "utf8").split("\n");
}
