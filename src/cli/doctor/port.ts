import { type Config, securePortSuffix } from "../../domain/config.ts";
import { claimPort } from "../../supervisor/port.ts";
import { readWranglerEnv } from "../wrangler-env.ts";
import type { Check } from "./check.ts";
import type { Machine } from "./machine.ts";

/** The port is free, or this data directory's platform has it. */
export const checkPort: Check = async (config, machine) => {
  const name = "port";
  const address = `${config.host}:${config.port}`;
  const refusal = await claimPort(config.host, config.port).then(
    () => undefined,
    (error: Error) => error.message,
  );
  if (!refusal) return { name, status: "ok", message: `${address} is free` };
  const ready = await machine.get(`http://${urlHost(config.host)}:${config.port}/ready`);
  if (ready && (await isOurs(config, machine))) {
    return ready.status === 200
      ? { name, status: "ok", message: `this Freehold serves on ${address}` }
      : { name, status: "warn", message: `this Freehold is on ${address} but not ready (${ready.status})` };
  }
  // The message says what to do, too; split it at the end of its first sentence.
  const [message = refusal, ...mend] = refusal.split(/(?<=\.) /);
  return { name, status: "fail", message, ...(mend.length > 0 ? { mend: mend.join(" ") } : {}) };
};

/** Port 443 is the only one that clients of remote development know. */
export const checkHttpsPort: Check = async (config, machine) => {
  const name = "https port";
  if (securePortSuffix(config) !== "") {
    const message = "wrangler dev --remote and remote bindings are off: they need FREEHOLD_HTTPS_PORT=443";
    return { name, status: "ok", message };
  }
  const port = config.httpsPort || config.port;
  const refusal = await claimPort(config.host, port, "FREEHOLD_HTTPS_PORT").then(
    () => undefined,
    (error: Error) => error.message,
  );
  const address = `${config.host}:${port}`;
  if (!refusal) return { name, status: "ok", message: `${address} is free` };
  if (await isOurs(config, machine)) return { name, status: "ok", message: `this Freehold serves on ${address}` };
  const [message = refusal, ...mend] = refusal.split(/(?<=\.) /);
  return { name, status: "fail", message, ...(mend.length > 0 ? { mend: mend.join(" ") } : {}) };
};

/** Only the platform of this data directory knows its token. */
async function isOurs(config: Config, machine: Machine): Promise<boolean> {
  try {
    const { CLOUDFLARE_API_TOKEN } = readWranglerEnv(config);
    const url = `http://${urlHost(config.host)}:${config.port}/client/v4/user/tokens/verify`;
    const answer = await machine.get(url, { authorization: `Bearer ${CLOUDFLARE_API_TOKEN}` });
    return answer?.status === 200;
  } catch {
    return false;
  }
}

/** An address that a client can connect to, as it stands in a URL. */
function urlHost(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}
