/** The loop of a host that answers queries over an account's rows, or packs them: one request after the other, in JSON. */
import type { Socket } from "node:net";
// @ts-expect-error: plain JavaScript, which is all that hosts of databases load.
import { frame, send, serve } from "../../hosts/server.js";
import { Refusal } from "./refusal.ts";

interface Request {
  id: number;
  payload: Buffer;
}

/** @param perform Its text is the reply, its format stands in the place of the bookmark. */
export function serveRequests<Asked>(
  socketPath: string,
  perform: (request: Asked) => Promise<{ text: string; format?: string }>,
): void {
  const queue: { request: Request; socket: Socket }[] = [];
  let working = false;

  async function work(): Promise<void> {
    if (working) return;
    working = true;
    for (let next = queue.shift(); next; next = queue.shift()) {
      const { request, socket } = next;
      if (socket.destroyed) continue;
      const leaving = send(socket, await replyTo(request));
      if (leaving) await leaving;
    }
    working = false;
  }

  async function replyTo({ id, payload }: Request): Promise<Buffer> {
    try {
      const { format = "", text } = await perform(JSON.parse(payload.toString()));
      return frame(id, 0, format, text);
    } catch (error) {
      const isRefusal = error instanceof Refusal;
      const message = error instanceof Error ? error.message : String(error);
      if (!isRefusal) console.error(message);
      return frame(id, 1, "", JSON.stringify({ code: isRefusal ? "sql" : "unavailable", message }));
    }
  }

  serve(socketPath, {
    request: (request: Request, socket: Socket) => queue.push({ request, socket }),
    read: () => void work(),
  });
}
