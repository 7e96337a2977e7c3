// @ts-check
/** Where an open database stands: its newest commit, by the WAL's index, and how the WAL moves to the archive. */
import { closeSync, existsSync, fstatSync, openSync, statSync } from "node:fs";
import { join } from "node:path";
import { History } from "./history.js";
import { PAGE_BYTES, ROTATE_FRAMES } from "./limits.js";
import { readIndex } from "./wal.js";

/** @typedef {import("./wal.js").Position} Position */

export class Standing {
  #directory;
  #path;
  #lock;
  #connection;
  #index;
  /** @type {Position} */
  #position;
  /** The newest commit when the WAL was last emptied: what an empty WAL stands for. @type {Position} */
  #base;
  #notedSecond = 0;

  /**
   * Of a connection that has read the WAL, or begun one.
   * @param {string} directory
   * @param {import("node:sqlite").DatabaseSync} connection
   * @param {import("./lock.js").Lock} lock
   * @param {number} retentionMs
   */
  constructor(directory, connection, lock, retentionMs) {
    this.#directory = directory;
    this.#path = join(directory, "db.sqlite");
    this.#connection = connection;
    this.#lock = lock;
    this.#index = openSync(`${this.#path}-shm`, "r");
    this.history = new History(directory, retentionMs);
    this.#base = { ...this.history.end, pages: Math.ceil(statSync(this.#path).size / PAGE_BYTES) };
    this.#position = this.#read();
  }

  get position() {
    return this.#position;
  }

  /** Whether the files of the open database have been removed. */
  get removed() {
    return fstatSync(this.#index).nlink === 0;
  }

  /** Looks again. True: the database has changed since. */
  look() {
    const before = this.#position;
    this.#position = this.#read();
    return this.#position.digest !== before.digest || this.#position.frame !== before.frame;
  }

  /** After the lock was lost for a while: what another process has archived. */
  reload() {
    this.history.load();
    if (this.history.end.generation > this.#base.generation) this.#base = this.history.end;
  }

  /**
   * Remembers, once a second with writes, where the database stood before.
   * @param {Position} before
   * @param {number} nowMs
   */
  note(before, nowMs) {
    if (this.#position === before || this.#position.digest === before.digest) return;
    const second = Math.floor(nowMs / 1000);
    if (second === this.#notedSecond) return;
    this.#notedSecond = second;
    this.history.note(second * 1000, before);
  }

  /** Whether the WAL is long enough to be moved to the archive. */
  get wantsRotation() {
    return this.#position.frame >= ROTATE_FRAMES && this.#position !== this.#base;
  }

  /**
   * Moves the WAL to the archive and its pages to the database file. False: another process has the database open too,
   * and must not lose what it writes in between.
   */
  rotate() {
    if (!this.#lock.acquire()) {
      // Who else has it open may have archived while nothing was held.
      this.reload();
      return false;
    }
    try {
      const seen = readIndex(this.#index);
      if (!seen || seen.frame === 0) return true;
      this.#position = this.#read();
      this.history.archive(`${this.#path}-wal`, this.#position, seen.salts);
      const result = this.#connection.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get();
      if (result?.busy !== 0) return false;
      this.#base = this.#position;
      return true;
    } finally {
      this.#lock.share();
    }
  }

  /** Archives before the database is closed, unless it has been removed: then its directory has moved away, or is gone. */
  rotateLast() {
    try {
      if (existsSync(this.#directory) && !this.removed) this.rotate();
    } catch (error) {
      console.error(`archiving ${this.#directory} failed:`, error instanceof Error ? error.message : error);
    }
  }

  /** Only once the connection is closed: closing a file of SQLite's gives up the locks that this process has on it. */
  close() {
    closeSync(this.#index);
    this.history.close();
  }

  /** @returns {Position} */
  #read() {
    const seen = readIndex(this.#index);
    if (!seen || seen.frame === 0) return this.#base;
    return {
      generation: this.history.generationOf(seen.salts),
      frame: seen.frame,
      pages: seen.pages,
      digest: seen.digest,
    };
  }
}
