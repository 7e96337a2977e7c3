import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { KnownImports } from "../lib/known-imports.ts";
import { testConfig } from "./testing.ts";
import { compileCache, warmCompileCache } from "./warm.ts";

let directory: string;
const { NODE_COMPILE_CACHE } = process.env;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "fh-warm-"));
});
afterEach(() => {
  if (NODE_COMPILE_CACHE === undefined) delete process.env.NODE_COMPILE_CACHE;
  else process.env.NODE_COMPILE_CACHE = NODE_COMPILE_CACHE;
  rmSync(directory, { recursive: true });
});

test("the cache is filled once for the same sources, and again when they change", { timeout: 120_000 }, async () => {
  writeFileSync(join(directory, "warm-older"), "");
  const imports = await warmCompileCache(directory);
  const compiled = () => readdirSync(directory, { recursive: true }).filter((name) => !`${name}`.startsWith("warm-"));
  const markers = readdirSync(directory).filter((name) => name.startsWith("warm-"));
  expect(markers.map((name) => join(directory, name))).toEqual([imports]);
  expect(markers).not.toContain("warm-older");
  const known = JSON.parse(readFileSync(join(directory, `${markers[0]}`), "utf8")) as KnownImports;
  const { modules } = known;
  for (const entry of ["control", "edge", "services"])
    expect(modules).toContainEqual([`src/${entry}/main.ts`, "module-typescript"]);
  expect(modules.map(([url]) => url).filter((url) => /aws-sdk|duckdb|peculiar/.test(url))).toEqual([]);
  expect(compiled().length).toBeGreaterThan(50);
  // Control's HTTP library does so anyway (`lib/http/node-http.ts`).
  for (const entry of ["edge/main", "services/main", "supervisor/index"])
    expect(modulesOf(known, `src/${entry}.ts`).filter(importsNodeHttp)).toEqual([]);

  for (const name of readdirSync(directory)) {
    if (!name.startsWith("warm-")) rmSync(join(directory, name), { recursive: true });
  }
  expect(await warmCompileCache(directory)).toBe(imports);
  expect(compiled()).toEqual([]);
});

test("is shared with this process's, where it has one", () => {
  const config = testConfig();
  process.env.NODE_COMPILE_CACHE = directory;
  expect(compileCache(config)).toBe(directory);
  // One that Node could not make when it started.
  process.env.NODE_COMPILE_CACHE = join(directory, "missing");
  expect(compileCache(config).startsWith(config.dataDir)).toBe(true);
  delete process.env.NODE_COMPILE_CACHE;
  expect(compileCache(config).startsWith(config.dataDir)).toBe(true);
  rmSync(config.dataDir, { recursive: true });
});

test("a cache that cannot be written is done without", async () => {
  const file = join(directory, "file");
  writeFileSync(file, "");
  await expect(warmCompileCache(file)).resolves.toBeUndefined();
});

/** Own modules that one brings with it, itself included. */
function modulesOf({ modules, imports }: KnownImports, entry: string): string[] {
  const reached = new Set([modules.findIndex(([url]) => url === entry)]);
  for (const index of reached) for (const next of Object.values(imports[index] ?? {})) reached.add(next);
  return [...reached].map((index) => modules[index]?.[0] ?? "").filter((url) => url.startsWith("src/"));
}

function importsNodeHttp(url: string): boolean {
  const source = readFileSync(join(import.meta.dirname, "../..", url), "utf8");
  return /^import (?!type )[^;]*"node:http"/m.test(source);
}
