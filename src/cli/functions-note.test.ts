import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { functionsNote } from "./functions-note.ts";
import { temporaryDirectory } from "./testing.ts";

const assets = { assets: { directory: "dist" } };

test.each<[told: boolean, config: object | undefined, ...args: string[]]>([
  [true, assets, "deploy"],
  [true, assets, "dev", "--port", "1"],
  [false, assets, "tail"],
  [false, assets],
  [false, assets, "deploy", "src/index.ts"],
  [false, assets, "deploy", "-c", "other.json"],
  [false, { ...assets, main: "build/index.js" }, "deploy"],
  [false, { pages_build_output_dir: "dist" }, "deploy"],
  [false, undefined, "deploy"],
])("%s: %j %s", (told, config, ...args) => {
  const directory = temporaryDirectory();
  if (config) writeFileSync(join(directory, "wrangler.jsonc"), JSON.stringify(config));
  expect(functionsNote(directory, args)).toBeUndefined();
  mkdirSync(join(directory, "functions"));
  expect(functionsNote(directory, args)?.includes("pages functions build") ?? false).toBe(told);
});

test("is no reason to stop where the file cannot be read: wrangler says that better", () => {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, "functions"));
  writeFileSync(join(directory, "wrangler.jsonc"), "{");
  expect(functionsNote(directory, ["deploy"])).toBeUndefined();
});
