// @ts-check
/** Reads SQLite's write-ahead log and its index. Layout: sqlite.org/fileformat2.html section 4 and sqlite.org/walformat.html. */
import { readSync } from "node:fs";

export const WAL_HEADER_BYTES = 32;
export const FRAME_HEADER_BYTES = 24;

/**
 * Where a database stands: the newest commit.
 * @typedef {object} Position
 * @property {number} generation The WAL's number: one more each time it begins anew.
 * @property {number} frame Frames of that WAL up to and with the commit.
 * @property {number} pages Size of the database, in pages. 0: unknown, as in a WAL without commits.
 * @property {string} digest 32 hex digits that belong to this commit alone: checksum and salts of its last frame.
 */

const INDEX_HEADER_BYTES = 48;
/** The index has its header twice: they differ while somebody writes them. */
const headers = Buffer.alloc(2 * INDEX_HEADER_BYTES);
const header = headers.subarray(0, INDEX_HEADER_BYTES);
const copy = headers.subarray(INDEX_HEADER_BYTES);
const MAX_READS = 100;
const INDEX_VERSION = 3007000;

/**
 * The newest commit by the WAL's index in shared memory, which tells it without looking at the WAL.
 * @param {number} fd Of the `-shm` file.
 * @returns {{ frame: number, pages: number, digest: string, salts: string } | undefined}
 */
export function readIndex(fd) {
  for (let reads = 0; reads < MAX_READS; reads++) {
    if (readSync(fd, headers, 0, headers.length, 0) < headers.length) return undefined;
    if (header.equals(copy)) break;
  }
  if (header.readUInt32LE(0) !== INDEX_VERSION || header[12] === 0) return undefined;
  return {
    frame: header.readUInt32LE(16),
    pages: header.readUInt32LE(20),
    digest: header.toString("hex", 24, 40),
    salts: header.toString("hex", 32, 40),
  };
}

/** @param {Position} position */
export function bookmarkOf({ generation, frame, pages, digest }) {
  return `${hex(generation)}-${hex(frame)}-${hex(pages)}-${digest}`;
}

/**
 * @param {string} bookmark
 * @returns {Position | undefined}
 */
export function positionOf(bookmark) {
  const match = /^([0-9a-f]{8})-([0-9a-f]{8})-([0-9a-f]{8})-([0-9a-f]{32})$/.exec(bookmark);
  if (!match) return undefined;
  const [, generation, frame, pages, digest] = /** @type {string[]} */ ([...match]);
  return {
    generation: Number.parseInt(/** @type {string} */ (generation), 16),
    frame: Number.parseInt(/** @type {string} */ (frame), 16),
    pages: Number.parseInt(/** @type {string} */ (pages), 16),
    digest: /** @type {string} */ (digest),
  };
}

/** @param {number} number */
const hex = (number) => number.toString(16).padStart(8, "0");
