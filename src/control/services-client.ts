import { Agent, request } from "node:http";
import { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import type { ServicesCaller, ServicesReply, ServicesRequest } from "../store/platform.ts";

/** Tries to reach services while the supervisor starts it again, with the pause before each. */
const CONNECT_PAUSES_MS = [0, 100, 200, 400, 800, 1600];

/** No byte either way for so long: the call has failed. */
const STALL_MS = 60_000;

const MAX_HEADER_BYTES = 64 * 1024;

/** HTTP to the services role at its socket. Bodies are streamed both ways. */
export function servicesCaller(socketPath: string): ServicesCaller {
  const agent = new Agent({ keepAlive: true, maxFreeSockets: 8 });
  return async (path, options = {}) => {
    let failure: unknown;
    for (const pauseMs of CONNECT_PAUSES_MS) {
      if (pauseMs > 0) await delay(pauseMs);
      try {
        return await send(socketPath, agent, path, options);
      } catch (error) {
        failure = error;
        // What was not sent at all is sent again; a stream may have been used by then.
        if (!neverSent(error) || (options.body !== undefined && !isWhole(options.body))) break;
      }
    }
    throw failure;
  };
}

function send(socketPath: string, agent: Agent, path: string, options: ServicesRequest): Promise<ServicesReply> {
  const { method = "GET", headers = {}, body } = options;
  return new Promise((resolve, reject) => {
    const length = body !== undefined && isWhole(body) ? { "content-length": Buffer.byteLength(body) } : {};
    const outgoing = request({
      socketPath,
      agent,
      path,
      method,
      headers: { ...length, ...headers },
      timeout: STALL_MS,
      // Metadata of an object comes in a header.
      maxHeaderSize: MAX_HEADER_BYTES,
    });
    outgoing.once("timeout", () => outgoing.destroy(new Error("there was no answer in time")));
    outgoing.once("error", reject);
    outgoing.once("response", (incoming) => {
      // An answer may come before the whole body was taken, and the rest is of no interest then.
      outgoing.on("error", () => {});
      resolve({
        status: incoming.statusCode ?? 0,
        reason: incoming.statusMessage ?? "",
        header: (name) => [incoming.headers[name]].flat()[0],
        body: incoming,
      });
    });
    if (body === undefined) outgoing.end();
    else if (isWhole(body)) outgoing.end(body);
    else {
      const source = Readable.from(body);
      source.once("error", (error) => outgoing.destroy(error));
      outgoing.once("close", () => source.destroy());
      source.pipe(outgoing);
    }
  });
}

function isWhole(body: NonNullable<ServicesRequest["body"]>): body is string | Uint8Array {
  return typeof body === "string" || body instanceof Uint8Array;
}

function neverSent(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "ECONNREFUSED" || code === "ENOENT";
}
