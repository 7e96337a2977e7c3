// @ts-check
/**
 * An analytics host: answers queries over the data points of one account, or packs them, one request after the other.
 * Arguments: the socket's path, the account's directory, `query` or `pack`. Frames: `../../hosts/server.js`.
 * Requests are JSON: `{ sql }`, answered with the text, its format in the place of the bookmark; or `{ today }`.
 */
import { frame, send, serve } from "../../hosts/server.js";
import { openEngine } from "./engine.js";
import { packNext } from "./pack.js";
import { answer } from "./query.js";
import { InvalidQuery } from "./sql/invalid-query.js";

const [socketPath = "", directory = "", mode = ""] = process.argv.slice(2);
const connection = await openEngine(directory);

/** @param {Buffer} payload @returns {Promise<{ format: string, text: string }>} */
async function perform(payload) {
  const request = JSON.parse(payload.toString());
  if (mode === "query") return answer(connection, directory, request.sql);
  const packed = await packNext(connection, directory, request.today);
  return { format: "", text: JSON.stringify({ packed }) };
}

/** @type {{ request: import("../../hosts/server.js").Request, socket: import("node:net").Socket }[]} */
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
      const { format, text } = await perform(request.payload);
      reply = frame(request.id, 0, format, text);
    } catch (error) {
      const isQuery = error instanceof InvalidQuery;
      const message = error instanceof Error ? error.message : String(error);
      if (!isQuery) console.error(`${mode}: ${message}`);
      reply = frame(request.id, 1, "", JSON.stringify({ code: isQuery ? "sql" : "unavailable", message }));
    }
    const leaving = send(socket, reply);
    if (leaving) await leaving;
  }
  working = false;
}

serve(socketPath, {
  request: (request, socket) => queue.push({ request, socket }),
  read: () => void work(),
});
