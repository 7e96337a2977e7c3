import { lstatSync } from "node:fs";

/** What SQLite opens beside a database when it is there. */
const SIDECARS = ["-journal", "-wal", "-shm"];

/**
 * Whether a SQLite database that sandboxed code can write is a file, and so is all that SQLite opens with it. SQLite follows
 * a link to a database, and waits at a pipe until somebody writes into it: whoever opens one there would wait for ever.
 * (For a database that nobody has; of one in use it says only how it is now.)
 */
export function isPlainDatabase(path: string): boolean {
  return isFile(path) === true && SIDECARS.every((sidecar) => isFile(path + sidecar) !== false);
}

/** Undefined: there is none. */
function isFile(path: string): boolean | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile();
}
