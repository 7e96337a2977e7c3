import { expect, test } from "vitest";
import { inLines, oneLine } from "./one-line.ts";

test.each([
  ["\u001b[31mred\u001b[0m", "�[31mred�[0m"],
  ["\u009b2J\r\n+ made\u0007", "�2J��+ made�"],
  ["evil\u202egnp.exe", "evil�gnp.exe"],
  ["über 🎉\tnaïve", "über 🎉\tnaïve"],
])("%j is printed as %j", (text, shown) => {
  expect(oneLine(text)).toBe(shown);
});

test("a call prints one line", () => {
  const lines: string[] = [];
  const io = inLines({ out: (line) => lines.push(line), err: (line) => lines.push(line), env: {} });
  io.out("a\u001b[2J\nb");
  io.err("c\u0000");
  expect(lines).toEqual(["a�[2J�b", "c�"]);
});
