import { expect, test } from "vitest";
import { applyHeaders, type Header, parseHeadersFile } from "../../products/assets/headers-file.ts";
import { withDefaultHeaders } from "./default-headers.ts";

const defaults: Header[] = [
  ["access-control-allow-origin", "*"],
  ["referrer-policy", "strict-origin-when-cross-origin"],
  ["x-content-type-options", "nosniff"],
];
const applied = (text: string, path: string, before: Header[]) =>
  applyHeaders(parseHeadersFile(text).rules, "shop.example", path, before).toSorted();

test.each([
  ["no file", ""],
  ["other headers", "# ours\n/a\n  X-A: 1\n\n/b/*\n  Cache-Control: no-store\n"],
  ["a value of its own for a part", "/a\n  Referrer-Policy: no-referrer\n/b/*\n  X-B: 2\n"],
  ["a removal for a part", "/b/*\n  ! Access-Control-Allow-Origin\n"],
  ["a removal and a value", "/a\n  ! X-Content-Type-Options\n  X-Content-Type-Options: other\n"],
  [
    "a rule for everything",
    "/*\r\n  referrer-policy: origin\r\n  ! X-Content-Type-Options\r\n/a\r\n  Access-Control-Allow-Origin: https://a\r\n",
  ],
  ["a rule for a host", "https://shop.example/a\n  Access-Control-Allow-Origin: https://b\n"],
])("%s: as Pages answers", (_, text) => {
  const carried = withDefaultHeaders(text);
  for (const path of ["/", "/a", "/b/c"])
    expect(applied(carried, path, []), path).toEqual(applied(text, path, defaults));
  expect(carried).toMatch(/^\S/);
  // Once it is written, nothing is added to it.
  expect(withDefaultHeaders(carried)).toBe(carried);
});
