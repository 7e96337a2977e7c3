import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { ConfigError } from "../domain/config.ts";

/**
 * Makes sure that nobody listens on the port, and returns it; for port 0 returns a free one.
 * Edges share the port by SO_REUSEPORT, with which a foreign process could share it too, unnoticed: hence this exclusive try.
 * Throws {@link ConfigError} when the port cannot be had.
 */
export async function claimPort(host: string, port: number): Promise<number> {
  const server = createServer();
  try {
    server.listen({ host, port, exclusive: true });
    await once(server, "listening");
  } catch (error) {
    throw new ConfigError(refusal(host, port, error));
  }
  const claimed = (server.address() as AddressInfo).port;
  server.close();
  await once(server, "close");
  return claimed;
}

function refusal(host: string, port: number, error: unknown): string {
  switch (error instanceof Error && "code" in error ? error.code : undefined) {
    case "EADDRINUSE":
      return `Port ${port} on ${host} is taken by another program. Stop it, or choose another port: FREEHOLD_PORT=${port + 1 > 65535 ? 8787 : port + 1}.`;
    case "EACCES":
      return `This user may not listen on port ${port}. Choose a port from 1024 up: FREEHOLD_PORT=8787.`;
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return `${host} is no address of this machine. Set FREEHOLD_HOST to one that is, such as 127.0.0.1.`;
    default:
      return `Cannot listen on ${host}, port ${port}: ${error instanceof Error ? error.message : String(error)}.`;
  }
}
