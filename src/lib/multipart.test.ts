import { describe, expect, it } from "vitest";
import { MultipartError, multipartBoundary, readMultipart } from "./multipart.ts";

const body = (text: string) => Buffer.from(text.replaceAll("\n", "\r\n"), "latin1");

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(bytes: Buffer, pieceSize = bytes.length || 1) {
  const parts: { name: string; contentType: string | undefined; text: string }[] = [];
  for await (const { name, contentType, body } of readMultipart(inPieces(bytes, pieceSize), "b-1")) {
    let text = "";
    for await (const piece of body) text += piece.toString("latin1");
    parts.push({ name, contentType, text });
  }
  return parts;
}

const part = (name: string, content: string, more = "") =>
  `--b-1\nContent-Disposition: form-data; name="${name}"; filename="${name}"\n${more}\n${content}\n`;

describe("a form", () => {
  const form = body(
    `${part("one", "AAA", "Content-Type: text/plain; charset=utf-8\n")}${part("two", "")}${part("three", "x\n--b-\n\n--b-2")}--b-1--\n`,
  );
  const parts = [
    { name: "one", contentType: "text/plain; charset=utf-8", text: "AAA" },
    { name: "two", contentType: undefined, text: "" },
    { name: "three", contentType: undefined, text: "x\r\n--b-\r\n\r\n--b-2" },
  ];

  it("gives the same parts however it is cut", async () => {
    for (let size = 1; size <= form.length; size++) expect(await read(form, size), `pieces of ${size}`).toEqual(parts);
  });

  it("without any part gives none", async () => {
    expect(await read(body("--b-1--\n"))).toEqual([]);
  });

  it("goes on behind a part that was not read, or not to its end", async () => {
    const names: string[] = [];
    for await (const { name, body } of readMultipart(inPieces(form, 7), "b-1")) {
      names.push(name);
      if (name === "three") for await (const _ of body) break;
    }
    expect(names).toEqual(["one", "two", "three"]);
  });

  it("ends the error of a body that is cut off anywhere", async () => {
    const end = form.length - "--\r\n".length;
    for (let length = 0; length < end; length++) {
      await expect(read(form.subarray(0, length)), `${length} bytes`).rejects.toThrow(MultipartError);
    }
  });
});

it.each([
  ["no boundary", "x".repeat(9000), "boundary"],
  ["text behind a boundary", "--b-1 x\n\n--b-1--", "behind a boundary"],
  ["a part without a name", "--b-1\nContent-Type: text/plain\n\nx\n--b-1--", "without a name"],
  ["headers without an end", `--b-1\nX: ${"y".repeat(9000)}\n--b-1--`, "too long"],
])("refuses %s", async (_, text, message) => {
  await expect(read(body(text))).rejects.toThrow(message);
});

it.each([
  ["multipart/form-data; boundary=abc", "abc"],
  ['Multipart/Form-Data; charset=utf-8; boundary="a b"', "a b"],
  ["multipart/form-data", undefined],
  ["multipart/mixed; boundary=abc", undefined],
  [null, undefined],
])("finds the boundary of %s", (contentType, boundary) => {
  expect(multipartBoundary(contentType)).toBe(boundary);
});
