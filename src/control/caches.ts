import { request } from "node:http";
import { json } from "node:stream/consumers";
import type { Caches } from "../store/platform.ts";

/** A purge of everything looks at every response of a script. */
const TIMEOUT_MS = 60_000;

/** The {@link Caches} of the real platform: those that the services role has. */
export function servicesCaches(socketPath: string): Caches {
  return {
    async purge(accountId, script, purge) {
      const reply = await post(socketPath, JSON.stringify({ accountId, script, purge }));
      const { purged } = (reply ?? {}) as { purged?: unknown };
      if (typeof purged !== "number") throw new Error(`the caches answered ${JSON.stringify(reply)}`);
      return purged;
    },
  };
}

function post(socketPath: string, body: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const outgoing = request({ socketPath, path: "/cache/purge", method: "POST", headers, agent: false, signal });
    outgoing.once("error", reject);
    outgoing.once("response", (incoming) => json(incoming).then(resolve, reject));
    outgoing.end(body);
  });
}
