import { expect, it } from "vitest";
import { Base64Decoder, Base64Error } from "./base64-decoder.ts";

function decode(text: string, pieceSize = text.length || 1): string {
  const decoder = new Base64Decoder();
  const pieces: Buffer[] = [];
  for (let at = 0; at < text.length; at += pieceSize) {
    pieces.push(decoder.push(Buffer.from(text.slice(at, at + pieceSize))));
  }
  decoder.end();
  return Buffer.concat(pieces).toString();
}

it.each(["", "a", "ab", "abc", "hello, world"])("decodes %j however it is cut", (text) => {
  const base64 = Buffer.from(text).toString("base64");
  for (let size = 1; size <= Math.max(1, base64.length); size++) expect(decode(base64, size)).toBe(text);
});

it.each(["A", "AB", "ABC", "AB==CDEF", "AB=C", "A\nBC", "AB C", "====", "AÄBC"])("refuses %j", (text) => {
  expect(() => decode(text)).toThrow(Base64Error);
  expect(() => decode(text, 1)).toThrow(Base64Error);
});
