import type { Share } from "../domain/routing.ts";
import { type Actor, ApiError, type ApiRequest } from "../lib/api.ts";
import { isDiskFull } from "../lib/disk-full.ts";
import { KeyedMutex } from "../lib/keyed-mutex.ts";
import type { Platform, Runtime } from "../store/platform.ts";
import { notRouted } from "./errors.ts";

/** Who changes which script, and from where. */
export interface Change {
  platform: Platform;
  actor: Actor;
  accountId: string;
  scriptName: string;
  /** `wrangler`, `dash` or `api`, as versions and deployments record it. */
  source: string;
}

export function changeOf(request: ApiRequest<Platform, unknown>): Change {
  const { platform, actor, accountId, params, raw } = request;
  return { platform, actor, accountId, scriptName: params.script ?? "", source: sourceOf(raw) };
}

function sourceOf(request: Request): string {
  return isClient(request) ? "wrangler" : "api";
}

/** Whether the request is one of wrangler's. */
export function isClient(request: Request): boolean {
  return request.headers.get("user-agent")?.startsWith("wrangler/") ?? false;
}

const scripts = new KeyedMutex();

/**
 * Runs a change of one script after those that came before it, so that parallel deploys give one order:
 * what a version inherits, its number, and which deployment is the last.
 */
export function changeScript<Result>({ accountId, scriptName }: Change, task: () => Promise<Result>): Promise<Result> {
  return scripts.run(`${accountId}/${scriptName}`, task);
}

/** Why a publication failed, as far as it is everybody's business; "" when it is not. */
export function publicCause(error: unknown): string {
  if (isDiskFull(error)) return "its disk is full";
  if ((error as { code?: string }).code === "ERR_SQLITE_ERROR") return "its database cannot be read";
  return "";
}

/** Makes edges route by what is committed; resolves when they do. Error 10013 (503) when they do not confirm. */
export async function publish({ platform }: { platform: { runtime: Pick<Runtime, "publish"> } }): Promise<void> {
  try {
    await platform.runtime.publish();
  } catch (error) {
    if (error instanceof ApiError) throw error;
    console.error("a change is stored but not published:", error);
    throw notRouted(publicCause(error));
  }
}

/** Publishes a new deployment, then lets go of the versions that only the one before it used. */
export async function switchTraffic(change: Change, before: Share[], after: Share[]): Promise<void> {
  await publish(change);
  const staying = new Set(after.map(({ versionId }) => versionId));
  retire(
    change,
    before.map(({ versionId }) => versionId).filter((id) => !staying.has(id)),
  );
}

/** Starts the draining of runners without waiting for it: it takes as long as their last request. */
export function retire({ platform }: Change, versionIds: string[]): void {
  // A retirement that fails costs a process until it idles out; the change itself is done.
  if (versionIds.length > 0) platform.runtime.retire(versionIds).catch(() => {});
}
