import { describe, expect, test } from "vitest";
import { FrameReader, frame, opcodes } from "./frames.ts";

/** A frame as a client sends it. */
function masked(opcode: number, text: string): Buffer {
  const plain = frame(opcode, text);
  const headLength = plain.length - Buffer.byteLength(text);
  const mask = Buffer.from([1, 2, 3, 4]);
  const head = Buffer.from(plain.subarray(0, headLength));
  head[1]! |= 0x80;
  const payload = Buffer.from(plain.subarray(headLength)).map((byte, at) => byte ^ mask[at & 3]!);
  return Buffer.concat([head, mask, payload]);
}

function readAll(reader: FrameReader, ...chunks: Buffer[]) {
  return chunks.flatMap((chunk) =>
    [...reader.read(chunk)].map((read) => ("code" in read ? read.code : [read.opcode, read.payload.toString()])),
  );
}

describe("frames", () => {
  test("are read masked and unmasked, the first of `wrangler tail` among them", () => {
    const first = Buffer.concat([Buffer.from([0x81, 0x0f]), Buffer.from('{"debug":false}')]);
    const ping = masked(opcodes.ping, "wrangler tail ping");
    expect(readAll(new FrameReader(1000), Buffer.concat([first, ping]))).toEqual([
      [opcodes.text, '{"debug":false}'],
      [opcodes.ping, "wrangler tail ping"],
    ]);
  });

  test.each([0, 1, 125, 126, 65_535, 65_536])("of %i bytes are read as they were written", (length) => {
    const text = "x".repeat(length);
    expect(readAll(new FrameReader(70_000), masked(opcodes.text, text))).toEqual([[opcodes.text, text]]);
    expect(readAll(new FrameReader(70_000), frame(opcodes.text, text))).toEqual([[opcodes.text, text]]);
  });

  test("may come byte by byte", () => {
    const bytes = Buffer.concat([masked(opcodes.text, "a".repeat(300)), masked(opcodes.close, "\x03\xe8")]);
    const single = [...bytes].map((byte) => Buffer.from([byte]));
    expect(readAll(new FrameReader(1000), ...single)).toHaveLength(2);
  });

  test.each([
    ["too much", Buffer.from([0x81, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), 1009],
    ["an extension that was not agreed on", Buffer.from([0xc1, 0x00]), 1002],
    ["a long control frame", Buffer.from([0x89, 0x7e, 0x00, 0x80]), 1002],
    ["half a control frame", Buffer.from([0x09, 0x00]), 1002],
  ])("refuse %s", (_what, bytes, code) => {
    expect(readAll(new FrameReader(1000), bytes)).toEqual([code]);
  });
});
