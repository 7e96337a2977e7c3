// @ts-check
/**
 * The past of a database: its archived WALs in order, and now and then a base, which is the whole file as it was before
 * the WAL of that number began. A base is made from the one before and the segments between: the live file is not touched.
 */
import {
  closeSync,
  constants,
  copyFileSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { Failure } from "./failure.js";
import { BASE_AFTER_BYTES, PAGE_BYTES } from "./limits.js";
import { Moments } from "./moments.js";
import { FRAME_BYTES, readChunks, readHead, syncDirectory, writeSegment } from "./segment.js";
import { FRAME_HEADER_BYTES } from "./wal.js";

/** @typedef {import("./wal.js").Position} Position */

/** @type {Position} */
const BEGINNING = { generation: 0, frame: 0, pages: 0, digest: "0".repeat(32) };

export class History {
  #directory;
  #retentionMs;
  #moments;
  /** Of the newest segment. */
  #end = BEGINNING;
  #endSalts = "";
  /** @type {number[]} */
  #segments = [];
  /** @type {number[]} */
  #bases = [];
  #bytesSinceBase = 0;
  #made = false;

  /**
   * @param {string} databaseDirectory
   * @param {number} retentionMs 0: nothing can be restored, and no frames are kept.
   */
  constructor(databaseDirectory, retentionMs) {
    this.#directory = join(databaseDirectory, "history");
    this.#retentionMs = retentionMs;
    this.#moments = new Moments(join(this.#directory, "moments"));
    this.load();
  }

  /** Reads what is there: another process may have archived. */
  load() {
    let names;
    try {
      names = readdirSync(this.#directory);
    } catch {
      return;
    }
    this.#made = true;
    this.#segments = numbered(names, ".wal");
    this.#bases = numbered(names, ".base");
    const newest = this.#segments.at(-1);
    if (newest === undefined) return;
    const { salts, endedMs: _, kept: __, ...end } = readHead(this.#segment(newest));
    this.#end = end;
    this.#endSalts = salts;
    const base = this.#bases.at(-1) ?? 0;
    this.#bytesSinceBase = this.#segments
      .filter((generation) => generation >= base)
      .reduce((sum, generation) => sum + statSync(this.#segment(generation)).size, 0);
  }

  /** The last commit that is archived. */
  get end() {
    return this.#end;
  }

  /** Number of the WAL with these salts. A crash between archiving and emptying leaves one that is archived already. @param {string} salts */
  generationOf(salts) {
    return salts === this.#endSalts ? this.#end.generation : this.#end.generation + 1;
  }

  /**
   * Keeps the WAL up to `position`. Once this returns it is on disk, and the WAL may be emptied.
   * @param {string} walPath
   * @param {Position} position
   * @param {string} salts
   */
  archive(walPath, position, salts) {
    this.#make();
    const kept = this.#retentionMs > 0;
    const bytes = writeSegment(this.#segment(position.generation), walPath, {
      ...position,
      salts,
      endedMs: Date.now(),
      kept,
    });
    if (this.#segments.at(-1) !== position.generation) this.#segments.push(position.generation);
    this.#end = position;
    this.#endSalts = salts;
    this.#bytesSinceBase += bytes;
  }

  /**
   * @param {number} ms
   * @param {Position} position
   */
  note(ms, position) {
    if (this.#retentionMs === 0) return;
    this.#make();
    this.#moments.add(ms, position);
  }

  /**
   * Where the database stood at a moment; `undefined`: where it stands now.
   * @param {number} ms
   */
  at(ms) {
    if (ms < Date.now() - this.#retentionMs) {
      throw new Failure("bad-bookmark", "the timestamp lies before the retention of Time Travel");
    }
    return this.#moments.at(ms);
  }

  /**
   * Writes the database as it was at `position` to a new file. Yields now and then, so that others can be served.
   * @param {Position} position
   * @param {string} target
   * @returns {Generator<void>}
   */
  *materialize(position, target) {
    const base = this.#bases.findLast((generation) => generation <= position.generation);
    const from = base ?? 1;
    if (base === undefined) closeSync(openSync(target, "w", 0o600));
    else copyFileSync(this.#base(base), target, constants.COPYFILE_FICLONE);
    if (position.generation === 0) return;
    const fd = openSync(target, "r+");
    try {
      for (let generation = from; generation <= position.generation; generation++) {
        if (!this.#segments.includes(generation)) throw gone();
        const last = generation === position.generation;
        yield* this.#apply(fd, generation, last ? position : undefined);
      }
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  }

  /**
   * @param {number} fd
   * @param {number} generation
   * @param {Position | undefined} until Where to stop; the bookmark must be that of a commit of this very history.
   */
  *#apply(fd, generation, until) {
    let frame = 0;
    let pages = 0;
    let digest = "";
    for (const chunk of readChunks(this.#segment(generation))) {
      for (let at = 0; at < chunk.length && frame !== until?.frame; at += FRAME_BYTES) {
        const page = chunk.subarray(at + FRAME_HEADER_BYTES, at + FRAME_BYTES);
        writeSync(fd, page, 0, PAGE_BYTES, (chunk.readUInt32BE(at) - 1) * PAGE_BYTES);
        frame++;
        const size = chunk.readUInt32BE(at + 4);
        if (size > 0) pages = size;
        digest = size > 0 ? digestOf(chunk, at) : "";
      }
      yield;
      if (frame === until?.frame) break;
    }
    if (until && (until.frame !== frame || until.digest !== digest)) throw gone();
    ftruncateSync(fd, pages * PAGE_BYTES);
  }

  /** Whether another base would make restoring quicker, and let old segments go. */
  get wantsBase() {
    return this.#retentionMs > 0 && this.#bytesSinceBase > Math.max(BASE_AFTER_BYTES, this.#end.pages * PAGE_BYTES);
  }

  /** Makes a base of all that is archived, and removes what is beyond the retention. @returns {Generator<void>} */
  *makeBase() {
    const { endedMs, ...end } = readHead(this.#segment(this.#end.generation));
    const generation = end.generation + 1;
    const temporary = `${this.#base(generation)}.tmp`;
    yield* this.materialize(end, temporary);
    // A base's age is that of its content.
    utimesSync(temporary, endedMs / 1000, endedMs / 1000);
    renameSync(temporary, this.#base(generation));
    syncDirectory(this.#directory);
    this.#bases.push(generation);
    this.#bytesSinceBase = 0;
    this.prune();
  }

  /** Removes what no moment within the retention needs. */
  prune() {
    if (!this.#made) return;
    const oldestMs = Date.now() - this.#retentionMs;
    const oldest =
      this.#retentionMs === 0
        ? this.#end.generation
        : this.#bases.findLast((generation) => statSync(this.#base(generation)).mtimeMs <= oldestMs);
    if (oldest === undefined) return;
    for (const generation of this.#segments.filter((one) => one < oldest))
      rmSync(this.#segment(generation), { force: true });
    for (const generation of this.#bases.filter((one) => one < oldest)) rmSync(this.#base(generation), { force: true });
    this.#segments = this.#segments.filter((one) => one >= oldest);
    this.#bases = this.#bases.filter((one) => one >= oldest);
    this.#moments.forgetBefore(oldestMs);
  }

  close() {
    this.#moments.close();
  }

  #make() {
    if (this.#made) return;
    try {
      // Not the directories above it: without them the database has been deleted.
      mkdirSync(this.#directory, { mode: 0o700 });
    } catch (/** @type {any} */ error) {
      if (error.code !== "EEXIST") throw error;
    }
    this.#made = true;
  }

  /** @param {number} generation */
  #segment(generation) {
    return join(this.#directory, `${generation.toString(16).padStart(8, "0")}.wal`);
  }

  /** @param {number} generation */
  #base(generation) {
    return join(this.#directory, `${generation.toString(16).padStart(8, "0")}.base`);
  }
}

/** The digest of a frame as the WAL's index has it: checksums in this machine's order (little-endian), then salts. @param {Buffer} chunk @param {number} at */
function digestOf(chunk, at) {
  const digest = Buffer.alloc(16);
  digest.writeUInt32LE(chunk.readUInt32BE(at + 16), 0);
  digest.writeUInt32LE(chunk.readUInt32BE(at + 20), 4);
  chunk.copy(digest, 8, at + 8, at + 16);
  return digest.toString("hex");
}

function gone() {
  return new Failure(
    "bad-bookmark",
    "the bookmark is not one of this database, or lies before the retention of Time Travel",
  );
}

/**
 * @param {string[]} names
 * @param {string} suffix
 */
function numbered(names, suffix) {
  return names
    .filter((name) => /^[0-9a-f]{8}\.\w+$/.test(name) && name.endsWith(suffix))
    .map((name) => Number.parseInt(name, 16))
    .sort((a, b) => a - b);
}
