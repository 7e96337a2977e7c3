/** Calls the engine of a workflow, in the runner that owns its instances. */
import { type IncomingMessage, request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { Platform } from "../../store/platform.ts";
import type { WorkflowRow } from "../../store/schema.ts";
import { homeUnavailable, notDeployed, refusedByEngine } from "./errors.ts";
import { CALL_MS, CALL_PATIENCE_MS, CALL_PAUSE_MS, MAX_ANSWER_BYTES } from "./limits.ts";

/** How the gate says that nothing was done because the home is moving (`workerd/rpc-names.worker.js`). */
export const MOVED = "freehold: the home of this object is moving";

/** Failures of connecting: the process that listened there has ended, and another will take its place. */
const NOBODY_LISTENS = new Set(["ECONNREFUSED", "ENOENT"]);

export interface HomeCall {
  method: "GET" | "POST";
  /** Below the workflow, as in `gate-part.worker.js`. */
  path: string;
  body?: unknown;
  /** Instance that the call is about, for messages. */
  instanceId?: string;
}

/**
 * The result of a call; starts the home if need be, and repeats what was not begun because the home moved.
 * Rejects with an `ApiError`.
 */
export async function callHome(platform: Platform, workflow: WorkflowRow, call: HomeCall): Promise<unknown> {
  let why = "its home moves";
  for (const until = Date.now() + CALL_PATIENCE_MS; Date.now() < until; await delay(CALL_PAUSE_MS)) {
    const versionId = await homeVersion(platform, workflow.script_id);
    if (versionId === undefined) throw notDeployed(workflow.name);
    const gate = await platform.runtime.gate(versionId);
    if ("unavailable" in gate) {
      why = gate.unavailable;
      continue;
    }
    const answer = await ask(gate.socket, workflow, call).catch((error: NodeJS.ErrnoException) => {
      const isLost = error.code === "ECONNRESET" && isReading(call);
      if (isLost || NOBODY_LISTENS.has(error.code ?? "")) return undefined;
      throw homeUnavailable(workflow.name, `its home did not answer (${error.message})`);
    });
    if (answer === undefined) continue;
    if (!("error" in answer)) return answer.result;
    if (!answer.error.message.includes(MOVED)) throw refusedByEngine(call.instanceId ?? "", answer.error.message);
  }
  throw homeUnavailable(workflow.name, why);
}

/** Whether the call may be made twice. */
function isReading({ method, path }: HomeCall): boolean {
  return method === "GET" || path === "/page";
}

/** The version whose runner owns the script's state: of its deployment the one with the largest share, of equal ones the first. */
async function homeVersion({ db }: Platform, scriptId: string): Promise<string | undefined> {
  const row = await db
    .selectFrom("deployment_versions as share")
    .innerJoin("deployments", "deployments.id", "share.deployment_id")
    .select("share.version_id")
    .where("deployments.script_id", "=", scriptId)
    .orderBy("deployments.sequence", "desc")
    .orderBy("share.percentage", "desc")
    .orderBy("share.position")
    .limit(1)
    .executeTakeFirst();
  return row?.version_id;
}

type Answer = { result: unknown } | { error: { name: string; message: string } };

async function ask(socketPath: string, { id }: WorkflowRow, { method, path, body }: HomeCall): Promise<Answer> {
  const text = body === undefined ? "" : JSON.stringify(body);
  const outgoing = request({
    socketPath,
    method,
    path: `/workflows/${id}${path}`,
    headers: { host: "gate", "content-length": Buffer.byteLength(text) },
    signal: AbortSignal.timeout(CALL_MS),
    agent: false,
  });
  outgoing.end(text);
  const incoming = await new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once("response", resolve).once("error", reject);
  });
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.byteLength;
    if (size > MAX_ANSWER_BYTES) throw new Error("the answer is too large");
    chunks.push(chunk);
  }
  const answer: unknown = parse(Buffer.concat(chunks).toString());
  if (isAnswer(answer)) return answer;
  // The deployed version does not have the workflow (any more).
  throw new Error(
    incoming.statusCode === 404 ? "the deployed version does not have its class" : "the answer is no JSON",
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isAnswer(value: unknown): value is Answer {
  if (typeof value !== "object" || value === null) return false;
  if ("result" in value) return true;
  return "error" in value && typeof (value.error as { message?: unknown } | null)?.message === "string";
}
