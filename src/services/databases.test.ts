/** Databases on real hosts in their sandbox: what a long query, a runaway and a crash mean for everybody else. */
import { randomUUID } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import type { Config } from "../domain/config.ts";
import { paths } from "../domain/paths.ts";
import { requestKind } from "../products/d1/host-protocol.ts";
import type { D1Rows } from "../products/d1/operations.ts";
import { DatabaseHosts } from "../supervisor/database-hosts.ts";
import { detectHost } from "../supervisor/host.ts";
import { ProcessList } from "../supervisor/process-list.ts";
import { recover } from "../supervisor/recovery.ts";
import { testConfig, until } from "../supervisor/testing.ts";
import { Databases } from "./databases.ts";

const ACCOUNT = "a".repeat(32);
/** More than any query here takes that comes to an end, on a busy machine too. The clock is put forward for those that do not. */
const QUERY_MS = 60_000;
/** Never ends, and writes nothing. */
const RUNAWAY = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT max(n) FROM c";

let config: Config;
let hosts: DatabaseHosts;
let databases: Databases;
let started: string[];

beforeAll(async () => {
  config = testConfig();
  await recover(config);
  const files = paths(config);
  hosts = new DatabaseHosts({
    config,
    host: await detectHost(config),
    processes: new ProcessList(files.runnerPids),
    log: () => {},
  });
});

beforeEach(() => {
  started = [];
  databases = new Databases({
    queryMs: QUERY_MS,
    startHost(hostId, accountId) {
      started.push(hostId);
      return hosts.start(hostId, accountId);
    },
    endHost: (hostId) => hosts.end(hostId),
  });
});

afterEach(() => {
  vi.restoreAllMocks();
  return databases.stop();
});

afterAll(async () => {
  await hosts.stop();
  rmSync(config.dataDir, { recursive: true, force: true });
  rmSync(config.runDir, { recursive: true, force: true });
});

function create(): string {
  const id = randomUUID();
  mkdirSync(paths(config).databaseOf(ACCOUNT, id), { recursive: true });
  return id;
}

/** Runs one statement as a binding does; throws what the Worker would see. */
function query(databaseId: string, sql: string, ...params: unknown[]): Promise<D1Rows["rows"]> {
  const payload = Buffer.from(JSON.stringify({ sql, params }));
  return new Promise((resolve, reject) =>
    databases.run(ACCOUNT, { databaseId, kind: requestKind.wire, flags: 0, payload }, (reply) => {
      const content = JSON.parse(reply.payload.toString());
      if (reply.ok) resolve(content.results.rows);
      else reject(new Error(`${content.code}: ${content.message}`));
    }),
  );
}

/** As if the longest time of a query had gone by: those that run are ended. */
function letTimePass(): void {
  const now = performance.now.bind(performance);
  vi.spyOn(performance, "now").mockImplementation(() => now() + QUERY_MS);
}

/** Ends the host in the middle of what it does, which takes it some CPU. */
async function killBusyHost(): Promise<void> {
  const { pid } = hosts.status()[0]!;
  const usedMs = () => [pid, ...children(pid)].reduce((sum, one) => sum + cpuMs(one), 0);
  const before = usedMs();
  await until(() => usedMs() > before + 30);
  process.kill(pid, "SIGKILL");
}

/** Of the process in the sandbox, whose parent is bubblewrap. */
function children(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);
}

function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const [user = 0, system = 0] = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 13)
    .map(Number);
  return (user + system) * 10;
}

test("many databases share a host", async () => {
  const ids = Array.from({ length: 20 }, create);
  await Promise.all(
    ids.map(async (id, index) => {
      await query(id, "CREATE TABLE t (n)");
      await Promise.all(Array.from({ length: 5 }, () => query(id, "INSERT INTO t VALUES (?)", index)));
      expect(await query(id, "SELECT count(*), max(n) FROM t")).toEqual([[5, index]]);
    }),
  );
  // A slow disk may look like a long query.
  expect(started.length).toBeLessThanOrEqual(5);
});

test("a runaway query is ended; others go on meanwhile, those behind it afterwards", async () => {
  const [bad, good] = [create(), create()];
  await query(bad, "CREATE TABLE t (n)");
  await query(good, "CREATE TABLE t (n)");
  let isOver = false;
  const runaway = query(bad, RUNAWAY)
    .then(
      () => "ended",
      (error: Error) => error.message,
    )
    .finally(() => {
      isOver = true;
    });
  const behind = query(bad, "INSERT INTO t VALUES (1) RETURNING n");
  expect(await query(good, "INSERT INTO t VALUES (2) RETURNING n")).toEqual([[2]]);
  expect(isOver).toBe(false);
  letTimePass();
  expect(await runaway).toContain("timeout: D1 DB storage operation exceeded timeout");
  expect(await behind).toEqual([[1]]);
  expect(await query(bad, "SELECT count(*) FROM t")).toEqual([[1]]);
  expect(await query(good, "SELECT count(*) FROM t")).toEqual([[1]]);
});

test("a host that is killed: reads are repeated, a write fails, what had not begun is done once", async () => {
  const id = create();
  await query(id, "CREATE TABLE t (n)");
  // Long enough to be killed, short enough to end by itself.
  const long = (limit: number) =>
    `SELECT max(n) FROM (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ${limit}) SELECT n FROM c)`;
  const read = query(id, long(3_000_000));
  const queued = query(id, "INSERT INTO t VALUES (1)");
  await killBusyHost();
  expect(await read).toEqual([[3_000_000]]);
  await queued;
  expect(await query(id, "SELECT count(*) FROM t")).toEqual([[1]]);

  const write = query(id, `INSERT INTO t ${long(5_000_000)} RETURNING n`).catch((error: Error) => error.message);
  await killBusyHost();
  expect(await write).toContain("may have taken effect");
  expect(await query(id, "SELECT count(*) FROM t")).toEqual([[1]]);
});

test("a result beyond the memory of a host is its own failure", async () => {
  const [greedy, modest] = [create(), create()];
  await query(modest, "CREATE TABLE t (n)");
  const large = query(
    greedy,
    "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 3000) SELECT hex(zeroblob(100000)) FROM c",
  );
  await expect(large).rejects.toThrow();
  expect(await query(modest, "SELECT count(*) FROM t")).toEqual([[0]]);
}, 120_000);

test("a host sees no network, no other files and no other processes", async () => {
  const { bubblewrap } = await detectHost(config);
  if (!bubblewrap) return;
  await query(create(), "SELECT 1");
  const outer = hosts.status()[0]!.pid;
  const inner = Number(readFileSync(`/proc/${outer}/task/${outer}/children`, "utf8").trim());
  for (const namespace of ["net", "pid", "mnt", "user", "ipc"]) {
    const [theirs, ours] = [inner, process.pid].map((pid) => readlinkSync(`/proc/${pid}/ns/${namespace}`));
    expect(theirs).not.toBe(ours);
  }
  const mounts = readFileSync(`/proc/${inner}/mountinfo`, "utf8");
  const writable = mounts.split("\n").flatMap((line) => {
    const [, , , , point = "", options = ""] = line.split(" ");
    return /^rw\b/.test(options) ? [point] : [];
  });
  expect(writable.filter((point) => !point.startsWith("/dev/")).sort()).toEqual(["/data", "/in", "/tmp"]);
});

test("a host that is killed while it starts leaves nobody behind", async () => {
  for (let round = 0; round < 8; round++) {
    const hostId = `early-${round}`;
    void hosts.start(hostId, ACCOUNT).catch(() => {});
    await until(() => hosts.status().length > 0);
    await delay(2 * round);
    await hosts.end(hostId);
  }
  const left = () =>
    readdirSync("/proc").filter((name) => {
      try {
        const about = readFileSync(`/proc/${name}/cmdline`, "utf8") + readFileSync(`/proc/${name}/mountinfo`, "utf8");
        return about.includes(`${config.runDir}/early-`);
      } catch {
        return false;
      }
    });
  await until(() => left().length === 0);
});

test("a database that was removed, or never was", async () => {
  await expect(query(randomUUID(), "SELECT 1")).rejects.toThrow("not-found: the database does not exist");
});

test("too much that waits is refused", async () => {
  const id = create();
  const all = await Promise.allSettled(Array.from({ length: 1100 }, () => query(id, "SELECT 1")));
  expect(all.filter(({ status }) => status === "rejected")).toHaveLength(100);
  expect(String((all.at(-1) as PromiseRejectedResult).reason)).toContain("D1 DB is overloaded");
});

test("bytes that wait are bounded, and what nobody waits for any more is not begun", async () => {
  const id = create();
  await query(id, "CREATE TABLE t (a)");
  const runaway = query(id, RUNAWAY);
  const payload = Buffer.from(
    JSON.stringify({ sql: `INSERT INTO t VALUES (1) /* ${"x".repeat(90_000)} */`, params: [] }),
  );
  let left = 0;
  const gone = Array.from(
    { length: 40 },
    () =>
      new Promise<boolean>((resolve) =>
        databases.run(
          ACCOUNT,
          { databaseId: id, kind: requestKind.wire, flags: 0, payload, isWanted: () => false },
          (reply) => {
            left++;
            resolve(reply.ok);
          },
        ),
      ),
  );
  const large = Buffer.alloc(64 * 1024 * 1024);
  const refused = await new Promise<string>((resolve) =>
    databases.run(ACCOUNT, { databaseId: id, kind: requestKind.wire, flags: 0, payload: large }, (reply) =>
      resolve(reply.payload.toString()),
    ),
  );
  expect(refused).toContain("overloaded");
  expect(left).toBe(0);
  letTimePass();
  await expect(runaway).rejects.toThrow("timeout");
  // Those that had been sent behind it went back to the queue with the host's end.
  expect(await Promise.all(gone)).not.toContain(true);
  expect(await query(id, "SELECT count(*) FROM t")).toEqual([[0]]);
});

test("a query that takes too much memory fails by itself, and the host goes on", async () => {
  const id = create();
  await query(id, "CREATE TABLE t (a)");
  const rows = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 500)";
  const sql = `${rows} SELECT count(*) FROM (SELECT randomblob(1000000) AS b FROM c ORDER BY 1)`;
  const payload = Buffer.from(JSON.stringify({ sql }));
  const text = await new Promise<string>((resolve) =>
    databases.run(
      ACCOUNT,
      { databaseId: id, kind: requestKind.wire, flags: 0, payload },
      (reply) => resolve(reply.payload.toString()),
      60_000,
    ),
  );
  expect(text).toContain("SQLITE_NOMEM");
  expect(await query(id, "SELECT count(*) FROM t")).toEqual([[0]]);
  expect(started).toHaveLength(1);
}, 120_000);

test("a host that does not start: the Worker is told nothing of this machine", async () => {
  const said = vi.spyOn(console, "error").mockImplementation(() => {});
  await databases.stop();
  databases = new Databases({
    queryMs: QUERY_MS,
    startHost: () => Promise.reject(new Error("/host/main.js: no such file")),
    endHost: async () => {},
  });
  await expect(query(create(), "SELECT 1")).rejects.toThrow(
    "unavailable: The database cannot be reached now. Try again.",
  );
  expect(said).toHaveBeenCalledWith(expect.stringContaining("/host/main.js"));
  said.mockRestore();
});
