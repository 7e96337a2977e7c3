import { Agent, type IncomingMessage, request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { DatabaseError, type DatabaseFailureCode, type Databases } from "../store/platform.ts";

/** Bytes of one reply: it is held in memory several times over, and this process serves everybody. Own. */
const MAX_REPLY_BYTES = 32_000_000;

/** Tries to reach services while the supervisor starts it again, with the pause before each. */
const CONNECT_PAUSES_MS = [0, 100, 200, 400, 800, 1600];

const failureCodes: ReadonlySet<string> = new Set<DatabaseFailureCode>([
  "sql",
  "refused",
  "timeout",
  "too-large",
  "not-found",
  "unavailable",
  "bad-bookmark",
]);

/** The {@link Databases} of the real platform: those that the services role has at its socket. */
export function servicesDatabases(socketPath: string): Databases {
  const agent = new Agent({ keepAlive: true, maxFreeSockets: 8 });
  return {
    async call(accountId, databaseId, operation, body, timeoutMs) {
      const path = `/d1/${accountId}/${databaseId}/${operation}`;
      const { status, text } = await post({ socketPath, path, agent }, JSON.stringify(body), timeoutMs);
      const reply = parse(text);
      if (status === 200 && reply !== undefined) return reply;
      throw failureOf(reply) ?? unavailable(`the databases answered ${status}`);
    },
  };
}

interface Address {
  socketPath: string;
  path: string;
  agent: Agent;
}

/** Sends the request once. What was not sent at all, because nobody listened, is tried again. */
async function post(address: Address, body: string, timeoutMs: number): Promise<{ status: number; text: string }> {
  let failure: unknown;
  for (const pauseMs of CONNECT_PAUSES_MS) {
    if (pauseMs > 0) await delay(pauseMs);
    try {
      return await postOnce(address, body, timeoutMs);
    } catch (error) {
      if (error instanceof DatabaseError) throw error;
      failure = error;
      if (!neverSent(error)) break;
    }
  }
  throw unavailable(failure instanceof Error ? failure.message : String(failure));
}

function postOnce(address: Address, body: string, timeoutMs: number): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const outgoing = request({ ...address, method: "POST", headers });
    const timer = setTimeout(
      () => outgoing.destroy(new DatabaseError("timeout", "The database did not answer in time.")),
      timeoutMs,
    );
    outgoing.once("close", () => clearTimeout(timer));
    outgoing.once("error", reject);
    outgoing.once("response", (incoming) =>
      readBounded(incoming).then((text) => resolve({ status: incoming.statusCode ?? 0, text }), reject),
    );
    outgoing.end(body);
  });
}

async function readBounded(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.byteLength;
    if (size > MAX_REPLY_BYTES) {
      incoming.destroy();
      throw new DatabaseError(
        "too-large",
        `The result is larger than ${MAX_REPLY_BYTES / 1_000_000} MB. Select fewer rows or columns, or export the database.`,
      );
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function neverSent(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "ECONNREFUSED" || code === "ENOENT";
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The `{ error: D1Failure }` of a refusal. */
function failureOf(reply: unknown): DatabaseError | undefined {
  const failure = (reply as { error?: { code?: unknown; message?: unknown } } | undefined)?.error;
  if (typeof failure?.code !== "string" || typeof failure.message !== "string") return undefined;
  return failureCodes.has(failure.code)
    ? new DatabaseError(failure.code as DatabaseFailureCode, failure.message)
    : undefined;
}

function unavailable(why: string): DatabaseError {
  return new DatabaseError(
    "unavailable",
    `The database cannot be reached (${why}). The platform may be restarting: try again in a few seconds.`,
  );
}
