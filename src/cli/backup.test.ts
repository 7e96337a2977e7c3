import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { tarEnd, tarHeader, tarPadding } from "../lib/tar.ts";
import { lockDirectory } from "../supervisor/lock.ts";
import { addAlarms, copySqlite } from "./backup/sqlite-copy.ts";
import { runCommand } from "./main.ts";
import { recordingIo, temporaryDirectory } from "./testing.ts";

interface D1Database {
  readonly bookmark: string;
  readonly connection: DatabaseSync;
  rotate(): boolean;
  close(): void;
}

/** The host's own code, which is JavaScript. */
const host = new URL("../products/d1/host/", import.meta.url).href;
const { Database } = (await import(`${host}database.js`)) as {
  Database: new (directory: string, settings: { retentionMs: number; maxBytes: number }) => D1Database;
};
const { operations } = (await import(`${host}operations.js`)) as {
  operations: Record<"script" | "restore", (database: D1Database, request: unknown) => { bookmark: string }>;
};

const NAMESPACE = "state/0123456789abcdef0123456789abcdef";
const DATABASE = "0b3c7a52-0000-4000-8000-000000000001";

/** A data directory with a bit of everything. Databases stay open, as a running platform has them. */
async function platformData() {
  const root = temporaryDirectory();
  const data = join(root, "data");
  const write = (path: string, content: string) => {
    mkdirSync(join(data, path, ".."), { recursive: true });
    writeFileSync(join(data, path), content, { mode: 0o600 });
  };
  write("master.key", "k".repeat(32));
  write("blobs/ab/cd", "module");
  write("assets/acc/ef/01", "x".repeat(700_000));
  write("assets/drafts/d1", "half");
  write("versions/v.json", "{}");
  write("routes.json", "{}");
  write("cache/compiled/x", "cache");
  write("runners.pid", "1");
  write("analytics/acc/ds/2026-11-28/00000001.open", "point");
  write("logs/acc/events/2026-11-28/00000001.open", "event");
  write("analytics/acc/ds/2026-11-28/00000001-00000002.parquet.tmp", "half");
  write("secrets-store/acc/store/name.json", "sealed");
  write("something/new", "of a later issue");
  mkdirSync(join(data, "run"));
  const open = (path: string) => {
    mkdirSync(join(data, path, ".."), { recursive: true });
    const database = new DatabaseSync(join(data, path));
    database.exec("pragma journal_mode = wal; create table t (n integer)");
    return database;
  };
  return {
    root,
    data,
    database: open("freehold.db"),
    object: open("state/0123456789abcdef0123456789abcdef/object.sqlite"),
  };
}

function files(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort();
}

async function freehold(...args: string[]) {
  const io = recordingIo({});
  const code = await runCommand("backup", args, io);
  return { code, out: io.stdout.join("\n"), err: io.stderr.join("\n") };
}

function count(path: string): unknown {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    expect(database.prepare("pragma integrity_check").get()).toEqual({ integrity_check: "ok" });
    return database.prepare("select count(*) as count from t").get()?.count;
  } finally {
    database.close();
  }
}

async function made() {
  const platform = await platformData();
  const file = join(platform.root, "b.tar.zst");
  expect(await freehold("create", file, "--data", platform.data)).toMatchObject({ code: 0, out: file });
  return { ...platform, file };
}

describe("freehold backup", () => {
  test("what is restored is what was there, without what a start makes anew", async () => {
    const { root, data, database, object } = await platformData();
    for (const each of [database, object]) each.exec("insert into t values (1), (2), (3)");
    const file = join(root, "b.tar.zst");
    const created = await freehold("create", file, "--data", data);
    expect(created).toMatchObject({ code: 0, out: file, err: expect.stringContaining("master key") });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(root).sort()).toEqual(["b.tar.zst", "data"]);

    const target = join(root, "new", "place");
    expect(await freehold("restore", file, "--data", target)).toMatchObject({ code: 0 });
    expect(files(target)).toEqual([
      "analytics/acc/ds/2026-11-28/00000001.open",
      "assets/acc/ef/01",
      "blobs/ab/cd",
      "freehold.db",
      "logs/acc/events/2026-11-28/00000001.open",
      "master.key",
      "secrets-store/acc/store/name.json",
      "something/new",
      "state/0123456789abcdef0123456789abcdef/object.sqlite",
      "versions/v.json",
    ]);
    expect(readFileSync(join(target, "assets/acc/ef/01"), "utf8")).toBe("x".repeat(700_000));
    expect(statSync(join(target, "master.key")).mode & 0o777).toBe(0o600);
    expect([
      count(join(target, "freehold.db")),
      count(join(target, "state/0123456789abcdef0123456789abcdef/object.sqlite")),
    ]).toEqual([3, 3]);
    expect(readdirSync(join(root, "new"))).toEqual(["place"]);
  });

  test("a transaction under way is not in it, and is not disturbed", async () => {
    const { root, data, object } = await platformData();
    object.exec("insert into t values (1); begin immediate; insert into t values (2)");
    const file = join(root, "b.tar.zst");
    expect(await freehold("create", file, "--data", data)).toMatchObject({ code: 0 });
    object.exec("commit");
    await freehold("restore", file, "--data", join(root, "r"));
    expect(count(join(root, "r", "state/0123456789abcdef0123456789abcdef/object.sqlite"))).toBe(1);
  });

  test("alarms of the copy's first moment are in it, and nothing that a namespace's lock or its removal leaves", async () => {
    const { root, data } = await platformData();
    const state = join(data, NAMESPACE);
    writeFileSync(`${state}.lock`, "");
    mkdirSync(join(data, "state", `${"e".repeat(32)}.removed`));
    writeFileSync(join(data, "state", `${"e".repeat(32)}.removed`, "old.sqlite"), "");
    const alarms = new DatabaseSync(join(state, "metadata.sqlite"));
    alarms.exec(
      "pragma journal_mode = wal; create table _cf_ALARM (actor_id text primary key, scheduled_time integer, actor_name text) without rowid;" +
        "insert into _cf_ALARM values ('rings', 10, null), ('repeats', 20, null)",
    );
    // While the first object is copied: one rings and is gone, one is set anew for later, one is new.
    const early = join(root, "early.db");
    await copySqlite(join(state, "metadata.sqlite"), early);
    alarms.exec(
      "delete from _cf_ALARM where actor_id = 'rings'; update _cf_ALARM set scheduled_time = 30; insert into _cf_ALARM values ('new', 40, 'n')",
    );
    const late = join(root, "late.db");
    await copySqlite(join(state, "metadata.sqlite"), late);
    addAlarms(late, early);
    const list = (path: string) =>
      new DatabaseSync(path).prepare("select actor_id as id, scheduled_time as time from _cf_ALARM").all();
    expect(list(late)).toEqual([
      { id: "new", time: 40 },
      { id: "repeats", time: 20 },
      { id: "rings", time: 10 },
    ]);

    const file = join(root, "b.tar.zst");
    expect(await freehold("create", file, "--data", data)).toMatchObject({ code: 0 });
    await freehold("restore", file, "--data", join(root, "r"));
    expect(files(join(root, "r", "state")).map((path) => path.slice(33))).toEqual(["metadata.sqlite", "object.sqlite"]);
    expect(list(join(root, "r", NAMESPACE, "metadata.sqlite"))).toHaveLength(2);
  });

  test("sockets are left, folders linked to another disk are followed", async () => {
    const { root, data } = await platformData();
    renameSync(join(data, "blobs"), join(root, "disk"));
    symlinkSync(join(root, "disk"), join(data, "blobs"));
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(data, "something", "s.sock"), resolve));
    const file = join(root, "b.tar.zst");
    const created = await freehold("create", file, "--data", data);
    await new Promise((resolve) => server.close(resolve));
    expect(created.code).toBe(0);
    await freehold("restore", file, "--data", join(root, "r"));
    expect(files(join(root, "r"))).toContain("blobs/ab/cd");
  });

  test("a database that was left by a killed process comes with its log", async () => {
    const { root, data, object } = await platformData();
    object.exec("insert into t values (1)");
    // As after a kill: the file without what was committed, and the log.
    for (const suffix of ["", "-wal"]) {
      writeFileSync(
        join(data, `something/killed${suffix}`),
        readFileSync(join(data, `state/0123456789abcdef0123456789abcdef/object.sqlite${suffix}`)),
      );
    }
    const file = join(root, "b.tar.zst");
    await freehold("create", file, "--data", data);
    await freehold("restore", file, "--data", join(root, "r"));
    expect(count(join(root, "r", "something/killed"))).toBe(1);
  });

  test("a D1 database comes with its past: time travel goes on where it was", async () => {
    const { root, data } = await platformData();
    const directory = join(data, "d1/account", DATABASE);
    mkdirSync(directory, { recursive: true });
    const settings = { retentionMs: 86_400_000, maxBytes: 1e9 };
    const live = new Database(directory, settings);
    const insert = (database: D1Database, n: number) => {
      const sql = `insert into t values (${n})`;
      return operations.script(database, { sql }).bookmark;
    };
    operations.script(live, { sql: "create table t (n)" });
    const bookmarks = [insert(live, 1)];
    expect(live.rotate()).toBe(true);
    bookmarks.push(insert(live, 2), insert(live, 3));
    const file = join(root, "b.tar.zst");
    expect(await freehold("create", file, "--data", data)).toMatchObject({ code: 0 });
    // What comes later is not in it, and is not hindered.
    insert(live, 4);
    expect(live.rotate()).toBe(true);
    live.close();

    const target = join(root, "r");
    expect(await freehold("restore", file, "--data", target)).toMatchObject({ code: 0 });
    const restored = new Database(join(target, "d1/account", DATABASE), settings);
    expect(restored.bookmark).toBe(bookmarks[2]);
    bookmarks.push(insert(restored, 5));
    const rows = () => restored.connection.prepare("select n from t").all();
    expect(rows()).toEqual([1, 2, 3, 5].map((n) => ({ n })));
    for (const [index, expected] of [[1], [1, 2], [1, 2, 3], [1, 2, 3, 5]].entries()) {
      await operations.restore(restored, { bookmark: bookmarks[index] });
      expect(rows()).toEqual(expected.map((n) => ({ n })));
    }
    restored.close();
  });

  test.each([
    ["there is no platform", async () => ["create", "--data", temporaryDirectory()], "holds no platform"],
    [
      "the file exists",
      async () => {
        const { file, data } = await made();
        return ["create", file, "--data", data];
      },
      "exists already",
    ],
    [
      "the file would be in the data directory",
      async () => {
        const { data } = await platformData();
        return ["create", join(data, "b.tar.zst"), "--data", data];
      },
      "in the data directory itself",
    ],
    [
      "the directory has data",
      async () => {
        const { file, data } = await made();
        return ["restore", file, "--data", data];
      },
      "has data",
    ],
    ["the backup is not there", async () => ["restore", "/nowhere.tar.zst"], "There is no file"],
  ])("refused because %s", async (_why, args, message) => {
    expect(await freehold(...(await args()))).toMatchObject({ code: 1, err: expect.stringContaining(message) });
  });

  test("called wrongly", async () => {
    for (const args of [[], ["what"], ["restore"], ["create", "a", "b"], ["create", "a", "--force"]]) {
      expect((await freehold(...args)).code).toBe(2);
    }
  });

  test("a directory that a platform runs on is refused, even with --force", async () => {
    const { file, data } = await made();
    const lock = lockDirectory(data, join(data, "lock.db"));
    const before = files(data);
    expect(await freehold("restore", file, "--data", data, "--force")).toMatchObject({
      code: 1,
      err: expect.stringContaining("in use by another Freehold"),
    });
    expect(files(data)).toEqual(before);
    lock.release();
  });

  test("--force moves the data aside; a directory that is empty but for a lock needs none", async () => {
    const { root, file, data } = await made();
    writeFileSync(join(data, "master.key"), "another");
    const restored = await freehold("restore", file, "--data", data, "--force");
    expect(restored).toMatchObject({ code: 0 });
    const aside = readdirSync(root).find((name) => name.includes("before-restore")) ?? "";
    expect(restored.err).toContain(aside);
    expect(readFileSync(join(root, aside, "master.key"), "utf8")).toBe("another");
    expect(readFileSync(join(data, "master.key"), "utf8")).toBe("k".repeat(32));

    const empty = join(root, "empty");
    mkdirSync(empty);
    lockDirectory(empty, join(empty, "lock.db")).release();
    expect(await freehold("restore", file, "--data", empty)).toMatchObject({ code: 0 });
    expect(files(empty)).toEqual(files(data));
  });
});

/** A backup with other entries than it should have. */
function forged(entries: [name: string, content: string][]): Buffer {
  const parts = entries.flatMap(([name, content]) => {
    const size = Buffer.byteLength(content);
    return [tarHeader({ name, size, mode: 0o600, modifiedSeconds: 0 }), Buffer.from(content), tarPadding(size)];
  });
  return zstdCompressSync(Buffer.concat([...parts, tarEnd]));
}

const header = JSON.stringify({ format: 1, freehold: "9.9.9", createdOn: "2026-01-01T00:00:00Z" });
const manifest = (...list: unknown[]) => JSON.stringify({ ...JSON.parse(header), files: list });
const EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

describe("a backup that is not to be trusted puts nothing in place", () => {
  const cases: [string, (good: Buffer) => Buffer, string][] = [
    ["cut short", (good) => good.subarray(0, good.length - 20), "damaged or incomplete"],
    ["cut in half", (good) => good.subarray(0, good.length / 2), "damaged or incomplete"],
    [
      "with a changed byte",
      (good) => {
        const tar = zstdDecompressSync(good);
        const at = tar.indexOf("module");
        return zstdCompressSync(Buffer.concat([tar.subarray(0, at), Buffer.from("M"), tar.subarray(at + 1)]));
      },
      "blobs/ab/cd is not what it was",
    ],
    ["of another program", () => Buffer.from("PK not a backup"), "no backup of Freehold"],
    ["of other files", () => forged([["data/x", ""]]), "no backup of Freehold"],
    ["without manifest", () => forged([["freehold-backup.json", header]]), "no manifest"],
    [
      "of a newer format",
      () => forged([["freehold-backup.json", header.replace('"format":1', '"format":2')]]),
      "written by Freehold 9.9.9",
    ],
    ...["data/../escape", "data//etc", "data/a/./b", "/etc/x", "data/"].map((name): [string, () => Buffer, string] => [
      `with the name ${name}`,
      () =>
        forged([
          ["freehold-backup.json", header],
          [name, ""],
          ["manifest.json", manifest()],
        ]),
      "of the name",
    ]),
    [
      "with a file that the manifest lacks",
      () =>
        forged([
          ["freehold-backup.json", header],
          ["data/x", ""],
          ["manifest.json", manifest()],
        ]),
      "does not list",
    ],
    [
      "without a file of the manifest",
      () =>
        forged([
          ["freehold-backup.json", header],
          ["manifest.json", manifest({ path: "x", size: 0, sha256: EMPTY_SHA256 })],
        ]),
      "x is missing",
    ],
    [
      "with a file twice",
      () =>
        forged([
          ["freehold-backup.json", header],
          ["data/x", ""],
          ["data/x", ""],
          ["manifest.json", manifest()],
        ]),
      "where it should not be",
    ],
  ];
  test.each(cases)("%s", async (_what, change, message) => {
    const { root, file } = await made();
    writeFileSync(file, change(readFileSync(file)));
    const target = join(root, "target");
    expect(await freehold("restore", file, "--data", target)).toMatchObject({
      code: 1,
      err: expect.stringContaining(message),
    });
    expect(readdirSync(root).sort()).toEqual(["b.tar.zst", "data"]);
  });
});
