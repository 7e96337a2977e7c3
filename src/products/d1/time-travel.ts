import type { Platform } from "../../store/platform.ts";
import { callDatabase, type DatabaseKey } from "./api-call.ts";
import { beforeCreation, malformed } from "./errors.ts";

/** A database, and when it was made (Unix time in milliseconds). */
export interface DatedDatabase extends DatabaseKey {
  createdMs: number;
}

/** The bookmark of a moment (`timestamp`), or of now without one. Error 7400 for a moment that cannot be. */
export async function bookmarkAt(
  platform: Platform,
  key: DatedDatabase,
  timestamp: string | null,
): Promise<{ bookmark: string }> {
  if (!timestamp) return callDatabase(platform, key, "bookmark", {});
  const atMs = momentOf(timestamp, Date.now(), platform.config.state.timeTravelMs);
  // Callers may know the time to a second only.
  if (atMs < key.createdMs - (key.createdMs % 1000)) throw beforeCreation(key.createdMs);
  return callDatabase(platform, key, "bookmark", { atMs });
}

/** Puts the database back, to a bookmark or to a moment. What was there before stays reachable by `previous_bookmark`. */
export async function restore(
  platform: Platform,
  key: DatedDatabase,
  query: URLSearchParams,
): Promise<Record<string, unknown>> {
  const wanted = query.get("bookmark");
  const timestamp = query.get("timestamp");
  if (!wanted && !timestamp) throw malformed('give "bookmark" or "timestamp": to which state shall it be restored?');
  if (wanted && timestamp) throw malformed('give either "bookmark" or "timestamp", not both.');
  const target = wanted ?? (await bookmarkAt(platform, key, timestamp)).bookmark;
  const { bookmark, previousBookmark } = await callDatabase(platform, key, "restore", { bookmark: target });
  return {
    bookmark,
    previous_bookmark: previousBookmark,
    message: `The database was restored to bookmark ${bookmark}. To undo this, restore to bookmark ${previousBookmark}.`,
  };
}

const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)$/;

/** Unix time in milliseconds of an RFC 3339 time, or of Unix seconds (10 digits) or milliseconds (13). */
export function momentOf(timestamp: string, nowMs: number, retentionMs: number): number {
  // A "+" in a query that the client did not encode arrives as a blank.
  const text = timestamp.replace(/ (?=\d\d:\d\d$)/, "+");
  let atMs = Number.NaN;
  if (/^\d{9,10}$/.test(text)) atMs = Number(text) * 1000;
  else if (/^\d{12,13}$/.test(text)) atMs = Number(text);
  else if (RFC_3339.test(text)) atMs = Date.parse(text.replace(" ", "T"));
  if (Number.isNaN(atMs)) {
    throw malformed(
      `the timestamp ${JSON.stringify(timestamp.slice(0, 60))} is neither RFC 3339 (2026-11-21T10:00:00Z) nor Unix time.`,
    );
  }
  if (atMs > nowMs) throw malformed("the timestamp is in the future.");
  if (nowMs - atMs > retentionMs) {
    const days = retentionMs / 86_400_000;
    throw malformed(
      `the timestamp is older than ${days} days, which is how far back databases can be restored here (FREEHOLD_D1_RETENTION_DAYS).`,
    );
  }
  return atMs;
}
