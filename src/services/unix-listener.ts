import { createServer, type Server, type Socket } from "node:net";
import { removeFile } from "../lib/durable-file.ts";

/**
 * Listens on a unix socket; resolves when it does. Connections stay open for writing when the other end finishes;
 * paused ones give nothing until they are resumed.
 */
export async function listenAt(
  path: string,
  accept: (connection: Socket) => void,
  options: { maxConnections?: number; paused?: boolean } = {},
): Promise<Server> {
  // A process that was killed leaves its socket files behind.
  await removeFile(path);
  const listener = createServer({ allowHalfOpen: true, pauseOnConnect: options.paused ?? false }, accept);
  if (options.maxConnections !== undefined) listener.maxConnections = options.maxConnections;
  await new Promise<void>((resolve, reject) => {
    listener.once("error", reject);
    listener.listen(path, resolve);
  });
  return listener;
}
