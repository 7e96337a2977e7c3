import { expect, test } from "vitest";
import { DiagnosticList, formatDiagnostic, linesOf } from "./diagnostics.ts";

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

test("a file is read as far as it is bounded", () => {
  const list = new DiagnosticList("_headers");
  expect(linesOf("a\nb", list)).toEqual(["a", "b"]);
  expect(list.items).toEqual([]);
  expect(linesOf("x\n".repeat(30_000), list)).toHaveLength(20_000);
  expect(linesOf("x".repeat(5_000_001), list)[0]).toHaveLength(5_000_000);
  expect(list.items.map(({ message }) => message)).toEqual([
    expect.stringContaining("lines"),
    expect.stringContaining("characters"),
  ]);
});
