import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { generatedPages, referenceDirectory } from "./pages.ts";

test.each([...generatedPages])("docs/reference/%s is what the sources say (npm run docs makes it so)", (file, text) => {
  expect(readFileSync(join(referenceDirectory, file), "utf8")).toBe(text());
});
