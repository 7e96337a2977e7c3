/**
 * Sessions of remote development: code as it is being edited runs here, for the one who has the session's token
 * (`wrangler-api.md` 7). Each session has a script of its own kind, so it has versions, state and an end like any other.
 */
import { createHash, createHmac, randomUUID } from "node:crypto";
import { securePortSuffix } from "../domain/config.ts";
import type { Actor, ApiRequest } from "../lib/api.ts";
import { signClaims, verifyClaims } from "../lib/signed-token.ts";
import type { Platform } from "../store/platform.ts";
import { type Change, changeOf, changeScript } from "./change.ts";
import { removeScript } from "./delete-script.ts";
import { noRemotePort, sessionExpired } from "./errors.ts";
import { MAX_SESSIONS, SESSION_LIFE_MS, SESSION_SCRIPT_PREFIX } from "./limits.ts";
import { scriptName } from "./names.ts";
import { findScript } from "./scripts.ts";
import { deployToSession } from "./uploads.ts";

const PURPOSE = "remote-session";

/** A token that opens a session by its first upload. Refused where the client could not reach the session. */
export function newSessionToken(platform: Platform, accountId: string, nowMs = Date.now()): string {
  if (securePortSuffix(platform.config) !== "") throw noRemotePort();
  const claims = { purpose: PURPOSE, accountId, session: randomUUID() };
  return signClaims(platform.signingKey(PURPOSE), claims, nowMs, SESSION_LIFE_MS / 1000);
}

/** A session that an upload has come for. */
export interface RemoteSession {
  /** The session's own script. */
  scriptName: string;
  /** The Worker that is being developed. */
  workerName: string;
  /** Runs the upload; resolves with the token that requests to it must show. */
  deploy(): Promise<string>;
}

/**
 * The session that an upload's token names; it begins with the first upload.
 * Errors: 10049 when the session is over, and those of uploads when it is deployed.
 */
export async function openRemoteSession(
  request: ApiRequest<Platform, unknown>,
  nowMs = Date.now(),
): Promise<RemoteSession> {
  const { platform, accountId, raw } = request;
  const workerName = await developedName(platform, accountId, request.params.script ?? "");
  const opened = sessionOf(platform, accountId, raw.headers.get("cf-preview-upload-config-token") ?? "", nowMs);
  const session: Change = { ...changeOf(request), scriptName: `${SESSION_SCRIPT_PREFIX}${opened.session}` };
  const token = createHmac("sha256", platform.signingKey(PURPOSE)).update(opened.session).digest("base64url");
  await endSurplus(session);
  await platform.db
    .insertInto("remote_sessions")
    .values({
      script_name: session.scriptName,
      account_id: accountId,
      token_hash: createHash("sha256").update(token).digest("hex"),
      worker_name: workerName,
      created_on: new Date(nowMs).toISOString(),
      expires_on: new Date(opened.expiresMs).toISOString(),
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  return {
    scriptName: session.scriptName,
    workerName,
    async deploy() {
      await deployToSession(request, session, workerName);
      return token;
    },
  };
}

/** A name that a Worker may have, or that of the script behind a Pages project. */
async function developedName(platform: Platform, accountId: string, name: string): Promise<string> {
  return (await findScript(platform, accountId, name))?.kind === "pages" ? name : scriptName(name);
}

/** Ends sessions whose time is over. `by` does it, in the audit trail's words. */
export async function endExpiredSessions(platform: Platform, by: Actor, nowMs = Date.now()): Promise<void> {
  const now = new Date(nowMs).toISOString();
  const rows = await platform.db.selectFrom("remote_sessions").selectAll().where("expires_on", "<", now).execute();
  for (const row of rows) {
    await end({ platform, actor: by, accountId: row.account_id, source: "api", scriptName: row.script_name });
  }
}

/** Makes room for one more: the oldest sessions of the account end. */
async function endSurplus(session: Change): Promise<void> {
  const rows = await session.platform.db
    .selectFrom("remote_sessions")
    .select("script_name")
    .where("account_id", "=", session.accountId)
    .where("script_name", "!=", session.scriptName)
    .orderBy("created_on", "desc")
    .offset(MAX_SESSIONS - 1)
    // SQLite knows no offset without a limit.
    .limit(MAX_SESSIONS)
    .execute();
  for (const { script_name } of rows) await end({ ...session, scriptName: script_name });
}

function end(session: Change): Promise<void> {
  const { platform, accountId, scriptName } = session;
  return changeScript(session, async () => {
    const script = await findScript(platform, accountId, scriptName);
    await platform.db.deleteFrom("remote_sessions").where("script_name", "=", scriptName).execute();
    if (script) await removeScript(session, script);
  });
}

function sessionOf(
  platform: Platform,
  accountId: string,
  token: string,
  nowMs: number,
): { session: string; expiresMs: number } {
  const verified = verifyClaims(platform.signingKey(PURPOSE), token, nowMs);
  if ("refused" in verified) throw sessionExpired(verified.refused);
  const { purpose, accountId: of, session } = verified.claims;
  if (purpose !== PURPOSE || of !== accountId || typeof session !== "string") {
    throw sessionExpired("it is for something else");
  }
  return { session, expiresMs: verified.expiresMs };
}
