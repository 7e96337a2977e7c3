import { expect, test } from "vitest";
import { DiagnosticList, formatDiagnostic } from "./diagnostics.ts";

test("a line for people", () => {
  const list = new DiagnosticList("_redirects");
  list.add(3, "/a /b 999", "has an unknown status");
  list.add(1, "", "the file is too long");
  expect(list.items.map(formatDiagnostic)).toEqual([
    "_redirects:3 | /a /b 999 – has an unknown status",
    "_redirects:1 – the file is too long",
  ]);
});

test("the list is bounded and says so, and so is each rule", () => {
  const list = new DiagnosticList("_headers");
  for (let line = 1; line < 1000; line++) list.add(line, "x".repeat(5000), "is wrong");
  expect(list.items).toHaveLength(200);
  expect(list.items.at(-1)?.message).toContain("not listed");
  expect(list.items[0]?.rule).toHaveLength(121);
});
