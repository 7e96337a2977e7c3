import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { ConfigError } from "../domain/config.ts";

/**
 * Makes sure that nobody listens on the port, and returns it; for port 0 returns a free one.
 * Edges share the port by SO_REUSEPORT, with which a foreign process could share it too, unnoticed: hence this exclusive try.
 * `variable` is what the operator chooses it by. Throws {@link ConfigError} when the port cannot be had.
 */
export async function claimPort(host: string, port: number, variable = "FREEHOLD_PORT"): Promise<number> {
  const server = createServer();
  try {
    server.listen({ host, port, exclusive: true });
    await once(server, "listening");
  } catch (error) {
    throw new ConfigError(refusal(host, port, variable, error));
  }
  const claimed = (server.address() as AddressInfo).port;
  server.close();
  await once(server, "close");
  return claimed;
}

function refusal(host: string, port: number, variable: string, error: unknown): string {
  switch (error instanceof Error && "code" in error ? error.code : undefined) {
    case "EADDRINUSE":
      return `Port ${port} on ${host} is taken by another program. Stop it, or choose another port: ${variable}=${port + 1 > 65535 ? 8787 : port + 1}.`;
    case "EACCES":
      return `This user may not listen on port ${port}. ${variable === "FREEHOLD_PORT" ? "Choose a port from 1024 up: FREEHOLD_PORT=8787." : `Allow it (Linux: sysctl net.ipv4.ip_unprivileged_port_start=${port}), or unset ${variable}.`}`;
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return `${host} is no address of this machine. Set FREEHOLD_HOST to one that is, such as 127.0.0.1.`;
    default:
      return `Cannot listen on ${host}, port ${port}: ${error instanceof Error ? error.message : String(error)}.`;
  }
}
