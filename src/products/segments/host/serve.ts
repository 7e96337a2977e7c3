/** The loop of a host that answers queries over an account's rows, or packs them: one request after the other, in JSON. */
import { serveInTurn } from "../../hosts/in-turn.ts";
// @ts-expect-error: plain JavaScript, which is all that hosts of databases load.
import { frame } from "../../hosts/server.js";
import { Refusal } from "./refusal.ts";

/** @param perform Its text is the reply, its format stands in the place of the bookmark. */
export function serveRequests<Asked>(
  socketPath: string,
  perform: (request: Asked) => Promise<{ text: string; format?: string }>,
): void {
  serveInTurn(socketPath, async ({ id, payload }) => {
    try {
      const { format = "", text } = await perform(JSON.parse(payload.toString()));
      return frame(id, 0, format, text);
    } catch (error) {
      const isRefusal = error instanceof Refusal;
      const message = error instanceof Error ? error.message : String(error);
      if (!isRefusal) console.error(message);
      return frame(id, 1, "", JSON.stringify({ code: isRefusal ? "sql" : "unavailable", message }));
    }
  });
}
