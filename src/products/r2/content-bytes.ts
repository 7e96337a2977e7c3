import { close, read } from "node:fs";
import { promisify } from "node:util";
import type { ContentRange } from "./contents.ts";

const readFile = promisify(read);
const closeFile = promisify(close);
const CHUNK_BYTES = 256 * 1024;

/** The bytes of a range as they are read. */
export async function* chunksOf(range: ContentRange): AsyncGenerator<Buffer, void> {
  if ("chunks" in range) {
    for await (const chunk of range.chunks) yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    return;
  }
  const { descriptor, offset, length } = range;
  try {
    for (let at = 0; at < length; ) {
      const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, length - at));
      const { bytesRead } = await readFile(descriptor, chunk, 0, chunk.length, offset + at);
      if (bytesRead === 0) throw new Error("a content is shorter than it was");
      at += bytesRead;
      yield bytesRead === chunk.length ? chunk : chunk.subarray(0, bytesRead);
    }
  } finally {
    await closeFile(descriptor);
  }
}

/** All bytes of a small range. */
export async function readBytes(range: ContentRange): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of chunksOf(range)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
