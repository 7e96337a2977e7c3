import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { importViolations } from "../scripts/imports.ts";

const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

/** Violations of a tree made of these files. */
function violationsOf(files: Record<string, string>): string[] {
  const root = mkdtempSync(join(tmpdir(), "freehold-imports-"));
  directories.push(root);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return importViolations(root);
}

test("the tree keeps the import direction", () => {
  expect(importViolations(join(import.meta.dirname, ".."))).toEqual([]);
});

test.each([
  ["up", 'import { a } from "../edge/a.ts";', "src/store/x.ts", "store imports edge, which stands above it"],
  ["up, types only", 'import type { A } from "../cli/a.ts";', "src/lib/x.ts", "lib imports cli, which stands above it"],
  ["up, re-exported", 'export * from "../domain/a.ts";', "src/lib/x.ts", "lib imports domain, which stands above it"],
  [
    "up, when called",
    'const a = () => import("../control/a.ts");',
    "src/workers/x.ts",
    "workers imports control, which stands above it",
  ],
  [
    "up, over several lines",
    'import {\n  a,\n  b,\n} from "../../../pages/a.ts";',
    "src/products/kv/deep/x.ts",
    "products imports pages, which stands above it",
  ],
  ["aside", 'import "../edge/a.ts";', "src/control/x.ts", "control imports edge, another process"],
  ["out of src", 'import { a } from "../../test/a.ts";', "src/lib/x.ts", "imports .., which is no layer"],
  [
    "from an unknown folder",
    'import { a } from "../lib/a.ts";',
    "src/misc/x.ts",
    "folder misc has no place in the list of layers",
  ],
])("an import that points %s is found", (_name, text, file, objection) => {
  expect(violationsOf({ [file]: text })).toEqual([`${file}: ${objection}`]);
});

test("imports down, within the folder and of packages are allowed", () => {
  const text =
    'export const a = new URL("../../package.json", import.meta.url);\nimport "hono";\nimport "node:fs";\nimport { a } from "../lib/a.ts";\nimport { b } from "./b.ts";\n';
  expect(violationsOf({ "src/edge/x.ts": text, "src/main.ts": 'import "./cli/main.ts";' })).toEqual([]);
});
