import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { KnownImports } from "./known-imports.ts";

const run = promisify(execFile);
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "fh-imports-"));
  mkdirSync(join(directory, "node_modules/thing/lib"), { recursive: true });
  write("package.json", `{ "type": "module" }`);
  write(
    "entry.ts",
    `import { word } from "thing"; import { other } from "./other.ts"; console.log(word, other as string);`,
  );
  write("other.ts", `import "node:fs"; export const other: string = "other";`);
  write("node_modules/thing/package.json", `{ "name": "thing", "type": "module", "exports": "./lib/index.js" }`);
  write("node_modules/thing/lib/index.js", `export { word } from "./word.js";`);
  write("node_modules/thing/lib/word.js", `export const word = "word";`);
  write("node_modules/thing/lib/lie.js", `export const word = "lie";`);
});
afterEach(() => rmSync(directory, { recursive: true }));

test("imports lead where they led when they were recorded, in a root that was moved too", async () => {
  const known = JSON.parse(
    (await ours("console.error(JSON.stringify(await recordImports(root, [entry])))")).stderr,
  ) as KnownImports;
  expect(known.modules.map(([url]) => url)).toEqual([
    "entry.ts",
    "node_modules/thing/lib/index.js",
    "node_modules/thing/lib/word.js",
    "other.ts",
  ]);
  const moved = `${directory}-moved`;
  renameSync(directory, moved);
  directory = moved;
  expect(await importedWith(known)).toBe("word other\n");

  // What is recorded is believed, and what is not is looked for.
  known.modules[2] = ["node_modules/thing/lib/lie.js", "module"];
  expect(await importedWith(known)).toBe("lie other\n");
  delete known.imports[1];
  expect(await importedWith(known)).toBe("word other\n");
});

test("without the file, imports go the usual way", async () => {
  expect(
    (await ours(`await importKnown(root, ${JSON.stringify(join(directory, "none"))}, () => import(entry))`)).stdout,
  ).toBe("word other\n");
});

function write(name: string, text: string): void {
  writeFileSync(join(directory, name), text);
}

async function importedWith(known: KnownImports): Promise<string> {
  write("known.json", JSON.stringify(known));
  return (await ours(`await importKnown(root, ${JSON.stringify(join(directory, "known.json"))}, () => import(entry))`))
    .stdout;
}

/** Runs a script in a process whose imports are Node's own. */
function ours(script: string): Promise<{ stdout: string; stderr: string }> {
  const module = new URL("known-imports.ts", import.meta.url).href;
  const root = pathToFileURL(join(directory, "/")).href;
  const lines = [
    `import { importKnown, recordImports } from ${JSON.stringify(module)};`,
    `const root = new URL(${JSON.stringify(root)});`,
    `const entry = new URL("entry.ts", root).href;`,
    script,
  ];
  return run(process.execPath, ["--input-type=module", "--eval", lines.join("\n")]);
}
