// @ts-check
/**
 * A SQLite host: serves the D1 databases of one account over a unix socket, one request after the other.
 * Arguments: the socket's path, the directory of the databases, the retention in milliseconds, the largest size in bytes.
 * Frames and operations: `../host-protocol.ts`.
 */
import { join } from "node:path";
import { frame, serve as listen, send } from "../../hosts/server.js";
import { Database } from "./database.js";
import { Failure, failureOf } from "./failure.js";
import { Insights } from "./insights.js";
import { IDLE_MS, MAX_OPEN, ROTATE_NOW_FRAMES } from "./limits.js";
import { operations } from "./operations.js";
import { answer } from "./wire.js";

const [socketPath = "", directory = "", retentionMs = "0", maxBytes = "0"] = process.argv.slice(2);
const settings = { retentionMs: Number(retentionMs), maxBytes: Number(maxBytes) };

const WIRE = 1;

/** @type {Map<string, Database>} */
const open = new Map();
const insights = new Insights();
/** Work on archives that waits for a pause. @type {Map<string, Generator<void>>} */
const bases = new Map();
/** @type {Set<string>} */
const grown = new Set();

/**
 * @param {string} id
 * @returns {Database}
 */
function database(id) {
  let found = open.get(id);
  if (found) {
    // The first in the map is the one that nobody used for longest.
    if (open.size > MAX_OPEN / 2) {
      open.delete(id);
      open.set(id, found);
    }
    return found;
  }
  if (!/^[0-9a-f-]{32,36}$/.test(id)) throw new Failure("not-found", "the database does not exist");
  const [oldest] = open.keys();
  if (open.size >= MAX_OPEN && oldest !== undefined) close(oldest);
  found = new Database(join(directory, id), settings, insights.of(id));
  open.set(id, found);
  return found;
}

/** @param {string} id */
function close(id) {
  const found = open.get(id);
  open.delete(id);
  bases.delete(id);
  grown.delete(id);
  found?.close();
}

/** @typedef {import("../../hosts/server.js").Request} Request */

/** @param {Request} request */
async function serve({ kind, flags, databaseId, payload }) {
  if (kind === WIRE) {
    const found = database(databaseId);
    const text = answer(found, payload, flags);
    return { text, found };
  }
  const { operation, request } = JSON.parse(payload.toString());
  if (operation === "close") {
    close(databaseId);
    insights.forget(databaseId);
    return { text: "{}", found: undefined };
  }
  const perform = Object.hasOwn(operations, operation) ? operations[operation] : undefined;
  if (!perform) throw new Failure("refused", `there is no operation "${operation}"`);
  const found = database(databaseId);
  return { text: JSON.stringify(await perform(found, request ?? {})), found };
}

/** @type {{ request: Request, socket: import("node:net").Socket }[]} */
const queue = [];
let working = false;

async function work() {
  if (working) return;
  working = true;
  for (let next = queue.shift(); next; next = queue.shift()) {
    const { request, socket } = next;
    if (socket.destroyed) continue;
    let reply;
    try {
      const { text, found } = await serve(request);
      reply = frame(request.id, 0, found?.bookmark ?? "", text);
      if (found?.wantsRotation) grown.add(request.databaseId);
    } catch (error) {
      const { code, message, statement } = failureOf(error);
      reply = frame(request.id, 1, "", JSON.stringify({ code, message, statement }));
      if (code === "not-found" && open.has(request.databaseId)) close(request.databaseId);
    }
    // The next request begins only once this reply is out of our hands: whoever gets no reply to an earlier one
    // knows that a later one has not begun.
    const leaving = send(socket, reply);
    if (leaving) await leaving;
    if (grown.size > 0) tidy(true);
  }
  working = false;
  if (grown.size > 0 || bases.size > 0) setImmediate(inPause);
}

/** Does one piece of work on archives, if nobody asks for anything. */
function inPause() {
  if (working || queue.length > 0) return;
  if (grown.size > 0) tidy(false);
  for (const [id, making] of bases) {
    try {
      if (making.next().done) bases.delete(id);
    } catch (error) {
      bases.delete(id);
      report("making a base", id, error);
    }
    break;
  }
  if (bases.size > 0) setImmediate(inPause);
}

/** Archives long WALs. @param {boolean} onlyTooLong */
function tidy(onlyTooLong) {
  for (const id of grown) {
    const found = open.get(id);
    if (onlyTooLong && found && found.position.frame < ROTATE_NOW_FRAMES) continue;
    grown.delete(id);
    try {
      if (found?.rotate() && found.history.wantsBase && !bases.has(id)) bases.set(id, found.history.makeBase());
    } catch (error) {
      report("archiving", id, error);
    }
  }
}

/**
 * @param {string} what
 * @param {string} id
 * @param {unknown} error
 */
function report(what, id, error) {
  console.error(`${what} of ${id} failed: ${error instanceof Error ? error.message : error}`);
}

setInterval(() => {
  if (working) return;
  const before = Date.now() - IDLE_MS;
  for (const [id, { usedAtMs }] of open) if (usedAtMs < before && !bases.has(id)) close(id);
}, IDLE_MS / 4).unref();

listen(socketPath, {
  request: (request, socket) => queue.push({ request, socket }),
  read: () => void work(),
  ending: () => {
    for (const id of [...open.keys()]) close(id);
  },
});
