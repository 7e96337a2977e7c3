import type { BucketInfo } from "./registry.ts";
import type { Notice } from "./rows.ts";
import type { NotificationAction } from "./settings.ts";

/** What a queue gets of a change (`workers-semantics.md` 10.4). */
export interface NotificationMessage {
  account: string;
  action: NotificationAction;
  bucket: string;
  object: { key: string; size?: number; eTag?: string };
  eventTime: string;
  copySource?: { bucket: string; object: string };
}

/** The message of a change, when one of the bucket's rules asks for it, with the queues that it goes to. */
export function noticeOf(
  { accountId, name, settings }: BucketInfo,
  action: NotificationAction,
  key: string,
  { size, etag }: { size: number; etag: string },
  timeMs: number,
  copySource?: { bucket: string; object: string },
): Notice | undefined {
  if (settings.notifications === undefined) return undefined;
  const queues = settings.notifications
    .filter(({ rules }) =>
      rules.some(
        ({ actions, prefix, suffix }) =>
          actions.includes(action) && key.startsWith(prefix ?? "") && key.endsWith(suffix ?? ""),
      ),
    )
    .map(({ queueId }) => queueId);
  if (queues.length === 0) return undefined;
  const removed = action === "DeleteObject" || action === "LifecycleDeletion";
  const message: NotificationMessage = {
    account: accountId,
    action,
    bucket: name,
    object: removed ? { key } : { key, size, eTag: etag },
    eventTime: new Date(timeMs).toISOString(),
    ...(copySource && { copySource }),
  };
  return JSON.stringify({ queues, message });
}
