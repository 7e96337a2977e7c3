// @ts-check
/**
 * An archived WAL: a header, then chunks of its frames, compressed. Written whole and renamed, so that it is there or not.
 * Frames stay as SQLite wrote them, checksums included: a bookmark is checked against them.
 */
import { closeSync, fsyncSync, openSync, readSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { CHUNK_FRAMES, PAGE_BYTES } from "./limits.js";
import { FRAME_HEADER_BYTES, WAL_HEADER_BYTES } from "./wal.js";

/**
 * @typedef {import("./wal.js").Position} Position
 * @typedef {Position & { salts: string, endedMs: number, kept: boolean }} SegmentHead
 */

const MAGIC = "FHD1WAL1";
const HEAD_BYTES = 64;
const CHUNK_HEAD_BYTES = 8;
export const FRAME_BYTES = FRAME_HEADER_BYTES + PAGE_BYTES;

/** Successive versions of a page differ little: a window of 2 MB finds them, the fastest level does. */
const compression = {
  params: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_windowLog]: 21 },
};

/**
 * @param {string} path
 * @param {string} walPath
 * @param {SegmentHead} head
 * @returns {number} Bytes of the segment.
 */
export function writeSegment(path, walPath, head) {
  const temporary = `${path}.tmp`;
  const out = openSync(temporary, "w", 0o600);
  let bytes = HEAD_BYTES;
  try {
    writeSync(out, encodeHead(head));
    const wal = head.kept ? openSync(walPath, "r") : undefined;
    try {
      for (let frame = 0; wal !== undefined && frame < head.frame; frame += CHUNK_FRAMES) {
        const frames = Math.min(CHUNK_FRAMES, head.frame - frame);
        const clear = Buffer.allocUnsafe(frames * FRAME_BYTES);
        if (readSync(wal, clear, 0, clear.length, WAL_HEADER_BYTES + frame * FRAME_BYTES) < clear.length) {
          throw new Error(`${walPath} is shorter than its index says`);
        }
        const data = zstdCompressSync(clear, compression);
        const chunkHead = Buffer.alloc(CHUNK_HEAD_BYTES);
        chunkHead.writeUInt32LE(frames, 0);
        chunkHead.writeUInt32LE(data.length, 4);
        writeSync(out, chunkHead);
        writeSync(out, data);
        bytes += CHUNK_HEAD_BYTES + data.length;
      }
    } finally {
      if (wal !== undefined) closeSync(wal);
    }
    fsyncSync(out);
  } finally {
    closeSync(out);
  }
  renameSync(temporary, path);
  syncDirectory(dirname(path));
  return bytes;
}

/**
 * @param {string} path
 * @returns {SegmentHead}
 */
export function readHead(path) {
  const fd = openSync(path, "r");
  try {
    return readHeadOf(fd, path);
  } finally {
    closeSync(fd);
  }
}

/**
 * The frames of a segment, a chunk at a time.
 * @param {string} path
 * @returns {Generator<Buffer>}
 */
export function* readChunks(path) {
  const fd = openSync(path, "r");
  try {
    const head = readHeadOf(fd, path);
    if (!head.kept) throw new Error(`${path} was not kept`);
    const chunkHead = Buffer.alloc(CHUNK_HEAD_BYTES);
    let at = HEAD_BYTES;
    while (readSync(fd, chunkHead, 0, CHUNK_HEAD_BYTES, at) === CHUNK_HEAD_BYTES) {
      const data = Buffer.allocUnsafe(chunkHead.readUInt32LE(4));
      if (readSync(fd, data, 0, data.length, at + CHUNK_HEAD_BYTES) < data.length)
        throw new Error(`${path} is cut short`);
      const clear = zstdDecompressSync(data);
      if (clear.length !== chunkHead.readUInt32LE(0) * FRAME_BYTES) throw new Error(`${path} is damaged`);
      yield clear;
      at += CHUNK_HEAD_BYTES + data.length;
    }
  } finally {
    closeSync(fd);
  }
}

/** @param {string} path */
export function syncDirectory(path) {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** @param {SegmentHead} head */
function encodeHead({ generation, frame, pages, digest, salts, endedMs, kept }) {
  const bytes = Buffer.alloc(HEAD_BYTES);
  bytes.write(MAGIC, 0, "latin1");
  bytes.writeUInt32LE(generation, 8);
  bytes.writeUInt32LE(frame, 12);
  bytes.writeUInt32LE(pages, 16);
  bytes.writeUInt32LE(PAGE_BYTES, 20);
  bytes.write(salts, 24, "hex");
  bytes.write(digest, 32, "hex");
  bytes.writeDoubleLE(endedMs, 48);
  bytes.writeUInt32LE(kept ? 1 : 0, 56);
  return bytes;
}

/**
 * @param {number} fd
 * @param {string} path
 * @returns {SegmentHead}
 */
function readHeadOf(fd, path) {
  const bytes = Buffer.alloc(HEAD_BYTES);
  if (readSync(fd, bytes, 0, HEAD_BYTES, 0) < HEAD_BYTES || bytes.toString("latin1", 0, 8) !== MAGIC) {
    throw new Error(`${path} is no archived WAL`);
  }
  return {
    generation: bytes.readUInt32LE(8),
    frame: bytes.readUInt32LE(12),
    pages: bytes.readUInt32LE(16),
    salts: bytes.toString("hex", 24, 32),
    digest: bytes.toString("hex", 32, 48),
    endedMs: bytes.readDoubleLE(48),
    kept: bytes.readUInt32LE(56) === 1,
  };
}
