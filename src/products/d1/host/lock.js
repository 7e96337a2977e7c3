// @ts-check
/**
 * The lock of a database: a SQLite file of its own, so that the kernel drops it with its process. Whoever has the database
 * open holds it shared; whoever holds it alone may archive and checkpoint, since nobody else can write in between.
 */
import { DatabaseSync } from "node:sqlite";
import { LOCK_TIMEOUT_MS } from "./limits.js";

export class Lock {
  #file;

  /** Takes the lock shared. Throws when another process holds it alone for too long. @param {string} path */
  constructor(path) {
    this.#file = new DatabaseSync(path, { timeout: LOCK_TIMEOUT_MS });
    try {
      this.share();
    } catch (error) {
      this.#file.close();
      throw error;
    }
  }

  get held() {
    return this.#file.isTransaction;
  }

  /** Holds it shared from now on. Throws when that is not possible; then it is not held. */
  share() {
    if (this.#file.isTransaction) this.#file.exec("COMMIT");
    this.#file.exec("BEGIN");
    try {
      this.#file.prepare("SELECT count(*) FROM sqlite_schema").get();
    } catch (error) {
      this.#file.exec("ROLLBACK");
      throw error;
    }
  }

  /** Holds it alone from now on, if nobody else holds it; otherwise shared, as before. */
  acquire() {
    if (this.#file.isTransaction) this.#file.exec("COMMIT");
    try {
      this.#file.exec("PRAGMA busy_timeout=0; BEGIN EXCLUSIVE");
      return true;
    } catch {
      this.share();
      return false;
    } finally {
      this.#file.exec(`PRAGMA busy_timeout=${LOCK_TIMEOUT_MS}`);
    }
  }

  close() {
    this.#file.close();
  }
}
