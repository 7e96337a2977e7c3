import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { TraceItem, TraceSource } from "../../domain/trace.ts";
import { Cleanup } from "../../lib/http/testing.ts";
import { errorsLike } from "../../lib/testing-console.ts";
import { blobPath } from "../../store/blobs.ts";
import { SourceMaps } from "./source-maps.ts";

/** Line 1, columns 1 and 11 of the output are lines 4 and 9, column 3 of `src/index.ts`. */
const MAP = JSON.stringify({ version: 3, sources: ["src/index.ts"], names: [], mappings: "AAGE,UAKA" });

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

let directory: string;
let maps: SourceMaps;
beforeEach(async () => {
  directory = await cleanup.directory();
  maps = new SourceMaps(options());
  cleanup.add(() => maps.close());
});

const options = () => ({
  blobs: join(directory, "blobs"),
  launchRecord: (versionId: string) => join(directory, `${versionId}.json`),
  heapMb: 32,
});

/** A version whose module `index.js` has this map. */
async function version(
  versionId: string,
  map: string,
  { size = map.length, accountId = "a" } = {},
): Promise<TraceSource> {
  const blob = createHash("sha256").update(map).digest("hex");
  const path = blobPath(join(directory, "blobs"), blob);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, map);
  const modules = [
    { name: "index.js", type: "esm", blob: "", size: 1 },
    { name: "index.js.map", type: "source-map", blob, size },
  ];
  await writeFile(join(directory, `${versionId}.json`), JSON.stringify({ modules }));
  return { accountId, script: "s", versionId } as TraceSource;
}

const STACK = "    at deep (index.js:1:15)\n    at other.js:1:1\n    at async fetch (index.js:1:1)";
const MAPPED = "    at deep (src/index.ts:9:3)\n    at other.js:1:1\n    at async fetch (src/index.ts:4:3)";

function failed(stack = STACK): TraceItem {
  return {
    logs: [{ level: "error", message: [], timestamp: 0, errorInfo: [{ name: "E", message: "m", stack }] }],
    exceptions: [{ name: "Error", message: "boom", stack, timestamp: 0 }],
  } as unknown as TraceItem;
}

const stacksOf = ({ exceptions, logs }: TraceItem) => [exceptions[0]?.stack, logs[0]?.errorInfo?.[0]?.stack];

test("stacks of exceptions and of logged errors are mapped; frames of other modules stay", async () => {
  const source = await version("v1", MAP);
  const items = [failed(), failed()];
  await maps.mapStacks(source, items);
  expect(items.map(stacksOf)).toEqual([
    [MAPPED, MAPPED],
    [MAPPED, MAPPED],
  ]);
});

test("without stacks, or once it is known that there are no maps, nothing waits", async () => {
  const source = { versionId: "unknown" } as TraceSource;
  expect(maps.mapStacks(source, [{ logs: [], exceptions: [] } as unknown as TraceItem])).toBeUndefined();
  const item = failed();
  await maps.mapStacks(source, [item]);
  expect(stacksOf(item)).toEqual([STACK, STACK]);
  expect(maps.mapStacks(source, [item])).toBeUndefined();
});

test.each([
  ["no JSON", "{"],
  ["no mappings", JSON.stringify({ version: 3, sources: [], mappings: "!!!" })],
])("a map that is %s leaves stacks as they are", async (_what, map) => {
  const source = await version("v1", map);
  const item = failed();
  await maps.mapStacks(source, [item]);
  expect(stacksOf(item)).toEqual([STACK, STACK]);
});

test("a map that is too large is not looked at", async () => {
  const source = await version("v1", MAP, { size: 60 * 1024 * 1024 });
  const item = failed();
  await maps.mapStacks(source, [item]);
  expect(stacksOf(item)).toEqual([STACK, STACK]);
});

describe("a map whose reading does not end", () => {
  /** A pipe in which nobody writes stands for it. */
  async function endless(versionId: string, accountId: string): Promise<TraceSource> {
    const map = `endless ${versionId}`;
    const source = await version(versionId, map, { accountId });
    const path = blobPath(join(directory, "blobs"), createHash("sha256").update(map).digest("hex"));
    await rm(path);
    execFileSync("mkfifo", [path]);
    return source;
  }

  test("keeps no other account waiting, however many there are", async () => {
    // Longer than all of this takes.
    maps = new SourceMaps({ ...options(), timeoutMs: 60_000 });
    cleanup.add(() => maps.close());
    const hostile = await endless("hostile", "h");
    let over = false;
    const waiting = maps.mapStacks(hostile, [failed()])?.then(() => (over = true));
    for (const accountId of ["b", "c", "d"]) {
      const item = failed();
      await maps.mapStacks(await version(accountId, MAP, { accountId }), [item]);
      expect(stacksOf(item)).toEqual([MAPPED, MAPPED]);
    }
    expect(over).toBe(false);
    const item = failed();
    const late = maps.mapStacks(hostile, [item]);
    maps.close();
    await Promise.all([waiting, late]);
    expect(stacksOf(item)).toEqual([STACK, STACK]);
  });

  test("is given up, with all that waits for it; whoever waits for a process then has one", async () => {
    const printed = errorsLike(/source maps of version h/);
    maps = new SourceMaps({ ...options(), timeoutMs: 1500 });
    cleanup.add(() => maps.close());
    const hostile = await Promise.all(["h1", "h2"].map((accountId) => endless(accountId, accountId)));
    const items = hostile.flatMap((source) => [failed(), failed()].map((item) => [source, item] as const));
    const done = items.map(([source, item]) => maps.mapStacks(source, [item]));
    const item = failed();
    await maps.mapStacks(await version("good", MAP), [item]);
    expect(stacksOf(item)).toEqual([MAPPED, MAPPED]);
    await Promise.all(done);
    expect(items.map(([, item]) => item.exceptions[0]?.stack)).toEqual(items.map(() => STACK));
    expect(printed.sort()).toEqual([
      "The source maps of version h1 cannot be used: they take too long.",
      "The source maps of version h2 cannot be used: they take too long.",
    ]);
  });
});

test("a map that takes all memory is left aside, and others go on", async () => {
  const printed = vi.spyOn(console, "error").mockImplementation(() => {});
  const hostile = await version("hostile", `{"version":3,"sources":[${"[],".repeat(2_000_000)}[]],"mappings":""}`);
  const good = await version("good", MAP);
  const item = failed();
  await maps.mapStacks(hostile, [item]);
  expect(stacksOf(item)).toEqual([STACK, STACK]);
  expect(printed.mock.lastCall?.[0]).toContain("The source maps of version hostile cannot be used");
  expect(maps.mapStacks(hostile, [item])).toBeUndefined();
  await maps.mapStacks(good, [item]);
  expect(stacksOf(item)).toEqual([MAPPED, MAPPED]);
});
