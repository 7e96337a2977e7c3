// @ts-check
/**
 * An analytics host: answers queries over the data points of one account, or packs them, one request after the other.
 * Arguments: the socket's path, the account's directory, `query` or `pack`. Frames: `../../hosts/server.js`.
 * Requests are JSON: `{ sql }`, answered with the text, its format in the place of the bookmark; or `{ today }`.
 */
import { openEngine } from "../../segments/host/engine.ts";
import { packNext } from "../../segments/host/pack.ts";
import { serveRequests } from "../../segments/host/serve.ts";
import { answer } from "./query.js";
import * as rows from "./relation.js";
import { macros } from "./sql/macros.js";

const [socketPath = "", directory = "", mode = ""] = process.argv.slice(2);
const connection = await openEngine(directory, macros);

serveRequests(socketPath, async (request) => {
  if (mode === "query") return answer(connection, directory, request.sql);
  return { text: JSON.stringify({ packed: await packNext(connection, directory, request.today, rows) }) };
});
