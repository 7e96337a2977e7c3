/** Writes the pages of `docs/reference` that are made from the sources: `npm run docs`. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { apiPage } from "./api.ts";
import { errorsPage } from "./errors.ts";

/** File to what makes its text. */
export const generatedPages = new Map<string, () => string>([
  ["api.md", apiPage],
  ["errors.md", errorsPage],
]);

export const referenceDirectory = join(import.meta.dirname, "..", "..", "docs", "reference");

if (import.meta.main) {
  for (const [file, text] of generatedPages) writeFileSync(join(referenceDirectory, file), text());
}
