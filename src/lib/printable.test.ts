import { expect, test } from "vitest";
import { colourCodes, printable } from "./printable.ts";

test.each([
  ["plain text, ünd möre 🎉\n\twith lines", "plain text, ünd möre 🎉\n\twith lines"],
  ["\u001b]0;title\u0007", "\ufffd]0;title\ufffd"],
  ["\u001b[2J\u001b[1;1H", "\ufffd[2J\ufffd[1;1H"],
  ["\u001b[8mhidden", "\ufffd[8mhidden"],
  ["over\rwritten\b\u007f", "over\ufffdwritten\ufffd\ufffd"],
  ["\u009b31m\u0090", "\ufffd31m\ufffd"],
  ["\u001b", "\ufffd"],
])("%j", (text, expected) => expect(printable(text)).toBe(expected));

test("our colours stay", () => {
  for (const code of [...Object.values(colourCodes), 0]) {
    const text = `\u001b[${code}mx`;
    expect(printable(text)).toBe(text);
  }
});
