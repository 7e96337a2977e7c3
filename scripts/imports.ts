/**
 * The rule of the house: imports point down this list only. `node scripts/imports.ts` checks the tree.
 * Also kept by `src/architecture.test.ts`.
 */
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";

/** Top to bottom. Folders on one line are separate processes and do not import each other. */
export const layers: readonly (readonly string[])[] = [
  ["cli"],
  ["control", "edge", "services"],
  ["supervisor"],
  ["builds"],
  ["pages"],
  ["observe"],
  ["workers"],
  ["products"],
  ["workerd"],
  ["store"],
  ["domain"],
  ["lib"],
];

const IMPORT = /^\s*(?:import|export)\b(?:[\w\s{},*$]*?\bfrom)?\s*["'](\.[^"']+)["']|\bimport\(\s*["'](\.[^"']+)["']/gm;

/** One line for each import of `<root>/src` that points up, aside or out. Empty when the rule is kept. */
export function importViolations(root: string): string[] {
  const source = join(root, "src");
  return globSync("*/**/*.{ts,js}", { cwd: source })
    .sort()
    .flatMap((file) => {
      const from = file.split(sep)[0] ?? "";
      return importsOf(join(source, file)).flatMap((target) => {
        const to = relative(source, target).split(sep)[0] ?? "";
        const why = objection(from, to);
        return why ? [`src/${file}: ${why}`] : [];
      });
    });
}

function importsOf(file: string): string[] {
  return [...readFileSync(file, "utf8").matchAll(IMPORT)].map((match) =>
    resolve(dirname(file), match[1] ?? match[2] ?? ""),
  );
}

function objection(from: string, to: string): string | undefined {
  if (from === to) return undefined;
  const rank = (folder: string) => layers.findIndex((layer) => layer.includes(folder));
  if (rank(from) === -1) return `folder ${from} has no place in the list of layers`;
  if (rank(to) === -1) return `imports ${to}, which is no layer`;
  if (rank(to) === rank(from)) return `${from} imports ${to}, another process`;
  return rank(to) < rank(from) ? `${from} imports ${to}, which stands above it` : undefined;
}

if (import.meta.main) {
  const violations = importViolations(join(import.meta.dirname, ".."));
  for (const line of violations) console.error(line);
  process.exitCode = violations.length === 0 ? 0 : 1;
}
