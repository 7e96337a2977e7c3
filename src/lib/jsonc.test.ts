import { expect, test } from "vitest";
import { parseJsonc } from "./jsonc.ts";

test.each([
  ['{"a":1}', { a: 1 }],
  ['// first\n{ /* in\nside */ "a": [1, 2,], // end\n}', { a: [1, 2] }],
  ['{"url":"https://x/*y*/","quote":"\\"//,]","list":"[1,]"}', { url: "https://x/*y*/", quote: '"//,]', list: "[1,]" }],
])("reads %s", (text, value) => expect(parseJsonc(text)).toEqual(value));

test.each(["{", "", '{"a":1,,}', "{a:1}"])("refuses %j", (text) => expect(() => parseJsonc(text)).toThrow(SyntaxError));
