// @ts-check
/** The loop of a host that answers queries over an account's rows, or packs them: one request after the other, in JSON. */
import { frame, send, serve } from "../../hosts/server.js";
import { Refusal } from "./refusal.js";

/**
 * @param {string} socketPath
 * @param {(request: any) => Promise<{ text: string, format?: string }>} perform Its text is the reply, its format stands in
 *   the place of the bookmark.
 */
export function serveRequests(socketPath, perform) {
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
        const { format = "", text } = await perform(JSON.parse(request.payload.toString()));
        reply = frame(request.id, 0, format, text);
      } catch (error) {
        const isRefusal = error instanceof Refusal;
        const message = error instanceof Error ? error.message : String(error);
        if (!isRefusal) console.error(message);
        reply = frame(request.id, 1, "", JSON.stringify({ code: isRefusal ? "sql" : "unavailable", message }));
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
}
