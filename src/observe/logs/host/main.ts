/**
 * A host of logs: answers queries over one account's events (`requests.ts`), or packs them, one request after the other.
 * Arguments: the socket's path, the account's directory, `query` or `pack`. Frames: `products/hosts/server.js`.
 */
import { openEngine } from "../../../products/segments/host/engine.ts";
import { packNext } from "../../../products/segments/host/pack.ts";
import { serveRequests } from "../../../products/segments/host/serve.ts";
import { answer } from "./answer.ts";
import type { LogRequest } from "./requests.ts";
import * as rows from "./rows.ts";

const [socketPath = "", directory = "", mode = ""] = process.argv.slice(2);
const connection = await openEngine(directory, rows.statements);

serveRequests(socketPath, async (request: LogRequest & { today: string }) => {
  if (mode === "query") return { text: JSON.stringify(await answer(connection, directory, request)) };
  return { text: JSON.stringify({ packed: await packNext(connection, directory, request.today, rows) }) };
});
