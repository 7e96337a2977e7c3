/** Rows that are kept as long as they shall be. */
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sortFiles } from "./host/files.ts";
import { keepAccount } from "./keeper.ts";

const NOW = Date.UTC(2026, 10, 28, 12);
const DAY = "2026-11-28";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "fh-keeper-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe("keeping", () => {
  const keeping = (parts = {}) => ({
    retentionMs: 30 * 86_400_000,
    maxBytes: 1_000_000,
    isOpen: () => false,
    release: async () => {},
    log: () => {},
    ...parts,
  });
  const put = (path: string, size = 1) => {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), "x".repeat(size));
  };
  const all = () =>
    (readdirSync(root, { recursive: true, encoding: "utf8" }) as string[]).filter((name) => /\.\w+$/.test(name)).sort();

  test("days that are too old go, and a dataset with its last one", async () => {
    put("old/2026-10-28/00000001.seg");
    put("ds/2026-10-28/00000001.seg");
    put("ds/2026-10-29/00000001-00000002.parquet");
    expect(await keepAccount(root, keeping(), NOW)).toBe(false);
    expect(all()).toEqual(["ds/2026-10-29/00000001-00000002.parquet"]);
    expect(readdirSync(root)).toEqual(["ds"]);
  });

  test("segments that nobody writes to any more are sealed", async () => {
    put("left/2026-11-27/00000001.open");
    put(`open/${DAY}/00000001.open`);
    const isOpen = (directory: string, date: string) => directory.endsWith("open") && date === DAY;
    expect(await keepAccount(root, keeping({ isOpen }), NOW)).toBe(true);
    expect(all()).toEqual(["left/2026-11-27/00000001.seg", `open/${DAY}/00000001.open`]);
  });

  test("an account with too much loses its oldest files, and keeps what it can of today", async () => {
    for (const id of [1, 2, 3]) put(`ds/${DAY}/0000000${id}-0000000${id}.parquet`, 400);
    put(`open/${DAY}/00000001.open`, 10);
    await keepAccount(root, keeping({ maxBytes: 900, isOpen: () => true }), NOW);
    expect(all()).toEqual([
      `ds/${DAY}/00000002-00000002.parquet`,
      `ds/${DAY}/00000003-00000003.parquet`,
      `open/${DAY}/00000001.open`,
    ]);
  });

  test("a segment that is being written goes, too, when all the rest is not enough", async () => {
    put(`ds/${DAY}/00000001.open`, 400);
    const released: string[] = [];
    const release = async (directory: string, date: string) => {
      released.push(date);
      renameSync(join(directory, date, "00000001.open"), join(directory, date, "00000001.seg"));
    };
    await keepAccount(root, keeping({ maxBytes: 100, isOpen: () => true, release }), NOW);
    expect([released, all()]).toEqual([[DAY], []]);
  });

  test("an account with too much loses its oldest days", async () => {
    for (const day of ["26", "27", "28"]) put(`ds/2026-11-${day}/00000001-00000001.parquet`, 400);
    const log: string[] = [];
    await keepAccount(root, keeping({ maxBytes: 900, log: (line: string) => log.push(line) }), NOW);
    expect(all().map((name) => name.slice(3, 13))).toEqual(["2026-11-27", "2026-11-28"]);
    expect(log).toHaveLength(1);
  });
});

test("a packed file stands for all in its range, and not for itself", () => {
  const { live, replaced } = sortFiles([
    "00000001-00000003.parquet",
    "00000001-00000001.parquet",
    "00000002.seg",
    "00000004.open",
    "00000008.open",
    "00000008.seg",
    "00000005-00000006.parquet.tmp",
    "stray",
    "00000007.parquet",
  ]);
  expect(live.map(({ name }) => name)).toEqual(["00000001-00000003.parquet", "00000004.open", "00000008.seg"]);
  expect(replaced.map(({ name }) => name).sort()).toEqual([
    "00000001-00000001.parquet",
    "00000002.seg",
    "00000008.open",
  ]);
});
