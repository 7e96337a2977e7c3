// @ts-check
/**
 * When a database stood where: a file of records of equal size, oldest first. A record is made by the first write of a
 * second and says where the database stood when that second began, so it takes nothing while nobody writes.
 */
import { closeSync, fstatSync, fsyncSync, openSync, readSync, renameSync, writeSync } from "node:fs";

/** @typedef {import("./wal.js").Position} Position */

const RECORD_BYTES = 40;

export class Moments {
  #path;
  /** @type {number | undefined} */
  #fd;

  /** @param {string} path */
  constructor(path) {
    this.#path = path;
  }

  /**
   * @param {number} ms
   * @param {Position} position
   */
  add(ms, position) {
    this.#fd ??= openSync(this.#path, "a", 0o600);
    writeSync(this.#fd, encode(ms, position));
  }

  /**
   * Where the database stood at a moment, to a second. `undefined`: where it stands now.
   * @param {number} ms
   * @returns {Position | undefined}
   */
  at(ms) {
    const fd = this.#open();
    if (fd === undefined) return undefined;
    try {
      const count = Math.floor(fstatSync(fd).size / RECORD_BYTES);
      let low = 0;
      let high = count;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (read(fd, middle).ms < ms) low = middle + 1;
        else high = middle;
      }
      return low < count ? read(fd, low).position : undefined;
    } finally {
      closeSync(fd);
    }
  }

  /** Forgets what is older, once that is most of the file. @param {number} ms */
  forgetBefore(ms) {
    const fd = this.#open();
    if (fd === undefined) return;
    try {
      const count = Math.floor(fstatSync(fd).size / RECORD_BYTES);
      if (count < 2 || read(fd, count >> 1).ms >= ms) return;
      const rest = Buffer.alloc((count - (count >> 1)) * RECORD_BYTES);
      readSync(fd, rest, 0, rest.length, (count >> 1) * RECORD_BYTES);
      const out = openSync(`${this.#path}.tmp`, "w", 0o600);
      writeSync(out, rest);
      fsyncSync(out);
      closeSync(out);
      renameSync(`${this.#path}.tmp`, this.#path);
      this.close();
    } finally {
      closeSync(fd);
    }
  }

  close() {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #open() {
    try {
      return openSync(this.#path, "r");
    } catch {
      return undefined;
    }
  }
}

/**
 * @param {number} ms
 * @param {Position} position
 */
function encode(ms, { generation, frame, pages, digest }) {
  const record = Buffer.alloc(RECORD_BYTES);
  record.writeDoubleLE(ms, 0);
  record.writeUInt32LE(generation, 8);
  record.writeUInt32LE(frame, 12);
  record.writeUInt32LE(pages, 16);
  record.write(digest, 24, "hex");
  return record;
}

/**
 * @param {number} fd
 * @param {number} index
 */
function read(fd, index) {
  const record = Buffer.alloc(RECORD_BYTES);
  readSync(fd, record, 0, RECORD_BYTES, index * RECORD_BYTES);
  return {
    ms: record.readDoubleLE(0),
    position: {
      generation: record.readUInt32LE(8),
      frame: record.readUInt32LE(12),
      pages: record.readUInt32LE(16),
      digest: record.toString("hex", 24, 40),
    },
  };
}
