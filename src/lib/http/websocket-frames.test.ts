import { expect, test } from "vitest";
import { closeFrame, FrameTracker, SERVICE_RESTART } from "./websocket-frames.ts";

/** A server's frame with a payload of this many bytes. */
function frame(length: number, opcode = 1): Buffer {
  const payload = Buffer.alloc(length, 0xff);
  if (length < 126) return Buffer.concat([Buffer.from([0x80 | opcode, length]), payload]);
  const head = Buffer.alloc(length < 65536 ? 4 : 10);
  head[0] = 0x80 | opcode;
  head[1] = length < 65536 ? 126 : 127;
  if (length < 65536) head.writeUInt16BE(length, 2);
  else head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, payload]);
}

test.each([0, 1, 125, 126, 65_535, 65_536, 70_000])("follows frames of %i bytes, however they come", (length) => {
  const one = frame(length);
  for (const step of [1, 2, 3, 7, 1000, one.length]) {
    if (one.length / step > 1000) continue;
    const tracker = new FrameTracker();
    for (let at = 0; at < one.length; at += step) {
      expect(tracker.atBoundary).toBe(at === 0);
      const end = Math.min(at + step, one.length);
      expect(tracker.read(one, at, end, false)).toBe(end);
    }
    expect(tracker.atBoundary).toBe(true);
  }
});

test("stops where the frame under way ends", () => {
  const tracker = new FrameTracker();
  const bytes = Buffer.concat([frame(10), frame(200), frame(5)]);
  expect(tracker.read(bytes, 0, 50, false)).toBe(50);
  expect(tracker.atBoundary).toBe(false);
  expect(tracker.read(bytes, 50, bytes.length, true)).toBe(12 + 204);
  expect(tracker.atBoundary).toBe(true);
});

test("reads over a mask", () => {
  const tracker = new FrameTracker();
  tracker.read(Buffer.from([0x81, 0x82, 1, 2, 3, 4, 5]), 0, 7, false);
  expect(tracker.atBoundary).toBe(false);
  tracker.read(Buffer.from([6]), 0, 1, false);
  expect(tracker.atBoundary).toBe(true);
});

test("knows a Close frame", () => {
  const tracker = new FrameTracker();
  tracker.read(frame(3, 9), 0, 5, false);
  expect(tracker.closed).toBe(false);
  const close = closeFrame(SERVICE_RESTART);
  tracker.read(close, 0, close.length, false);
  expect([tracker.closed, tracker.atBoundary]).toEqual([true, true]);
  expect(close.subarray(0, 4)).toEqual(Buffer.from([0x88, close.length - 2, 1012 >> 8, 1012 & 255]));
});
