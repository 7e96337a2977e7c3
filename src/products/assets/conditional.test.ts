import { expect, test } from "vitest";
import { entityTag, ifRangeHolds, matchingForm, parseRange } from "./conditional.ts";

const HASH = "0123456789abcdef0123456789abcdef";

test("each form has a tag of its own", () => {
  const tags = (["identity", "br", "zstd", "gzip"] as const).map((form) => entityTag(HASH, form));
  expect(tags).toEqual([`"${HASH}"`, `"${HASH}-br"`, `"${HASH}-zstd"`, `"${HASH}-gzip"`]);
});

test.each<[header: string, form: string | undefined]>([
  [`"${HASH}"`, "identity"],
  [`W/"${HASH}"`, "identity"],
  [`"${HASH}-br"`, "br"],
  [`W/"${HASH}-gzip"`, "gzip"],
  [`"x", "${HASH}-zstd" , "y"`, "zstd"],
  [`"${HASH}", "${HASH}-br"`, "br"],
  ["*", "br"],
  [" * ", "br"],
  [HASH, undefined],
  [`"x${HASH}"`, undefined],
  [`"${HASH}-xz"`, undefined],
  [`"${HASH.toUpperCase()}"`, undefined],
  ["", undefined],
  [`${'"x",'.repeat(2000)}"${HASH}"`, undefined],
])("If-None-Match %.60s", (header, form) => expect(matchingForm(header, HASH, "br")).toBe(form));

test.each<[header: string, size: number, range: unknown]>([
  ["bytes=0-0", 10, { offset: 0, length: 1 }],
  ["bytes=0-9", 10, { offset: 0, length: 10 }],
  ["bytes=2-4", 10, { offset: 2, length: 3 }],
  ["bytes=5-", 10, { offset: 5, length: 5 }],
  ["bytes=0-99", 10, { offset: 0, length: 10 }],
  ["bytes=-3", 10, { offset: 7, length: 3 }],
  ["bytes=-99", 10, { offset: 0, length: 10 }],
  ["Bytes = 1 - 2", 10, { offset: 1, length: 2 }],
  ["bytes=10-", 10, "unsatisfiable"],
  ["bytes=10-20", 10, "unsatisfiable"],
  ["bytes=-0", 10, "unsatisfiable"],
  ["bytes=0-", 0, "unsatisfiable"],
  ["bytes=-1", 0, "unsatisfiable"],
  ["bytes=99999999999999999999-", 10, "unsatisfiable"],
  ["bytes=0-99999999999999999999", 10, { offset: 0, length: 10 }],
  ["bytes=4-2", 10, "whole"],
  ["bytes=-", 10, "whole"],
  ["bytes=a-b", 10, "whole"],
  ["bytes=0x1-2", 10, "whole"],
  ["bytes=0-1,3-4", 10, "whole"],
  ["items=0-1", 10, "whole"],
  ["bytes 0-1", 10, "whole"],
  ["", 10, "whole"],
  [`bytes=${"0".repeat(100)}-1`, 10, "whole"],
])("Range %.30s of %d bytes", (header, size, range) => expect(parseRange(header, size)).toEqual(range));

test.each<[header: string | undefined, holds: boolean]>([
  [undefined, true],
  [`"${HASH}"`, true],
  [`W/"${HASH}"`, false],
  [`"${HASH}-br"`, false],
  ["Sat, 21 Nov 2026 20:00:00 GMT", false],
])("If-Range %s: %s", (header, holds) => expect(ifRangeHolds(header, entityTag(HASH, "identity"))).toBe(holds));
