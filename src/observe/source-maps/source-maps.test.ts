import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { TraceItem, TraceSource } from "../../domain/trace.ts";
import { Cleanup } from "../../lib/http/testing.ts";
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
  maps = new SourceMaps({
    blobs: join(directory, "blobs"),
    launchRecord: (versionId) => join(directory, `${versionId}.json`),
    heapMb: 32,
  });
  cleanup.add(() => maps.close());
});

/** A version whose module `index.js` has this map. */
async function version(versionId: string, map: string, size = map.length): Promise<TraceSource> {
  const blob = createHash("sha256").update(map).digest("hex");
  const path = blobPath(join(directory, "blobs"), blob);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, map);
  const modules = [
    { name: "index.js", type: "esm", blob: "", size: 1 },
    { name: "index.js.map", type: "source-map", blob, size },
  ];
  await writeFile(join(directory, `${versionId}.json`), JSON.stringify({ modules }));
  return { accountId: "a", script: "s", versionId } as TraceSource;
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
  const source = await version("v1", MAP, 60 * 1024 * 1024);
  const item = failed();
  await maps.mapStacks(source, [item]);
  expect(stacksOf(item)).toEqual([STACK, STACK]);
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
