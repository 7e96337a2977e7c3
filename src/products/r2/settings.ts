/** What a bucket is set to, in the words of the API (`wrangler-api.md` 5.3). Kept with the bucket's name. */
import type { StorageClass } from "./model.ts";

export interface BucketSettings {
  cors?: CorsRule[];
  lifecycle?: LifecycleRule[];
  locks?: LockRule[];
  /** Whether `pub-<publicId>.r2.<domain>` serves the bucket. */
  managedDomain?: boolean;
  notifications?: QueueNotifications[];
}

export interface CorsRule {
  id?: string;
  allowed: { origins: string[]; methods: string[]; headers?: string[] };
  exposeHeaders?: string[];
  maxAgeSeconds?: number;
}

/** From the upload on, or from a date (ISO) on. */
export type LifecycleCondition = { type: "Age" /** Seconds. */; maxAge: number } | { type: "Date"; date: string };

export interface LifecycleRule {
  id: string;
  enabled: boolean;
  conditions: { prefix?: string };
  deleteObjectsTransition?: { condition: LifecycleCondition };
  storageClassTransitions?: { condition: LifecycleCondition; storageClass: StorageClass }[];
  abortMultipartUploadsTransition?: { condition: LifecycleCondition };
}

export interface LockRule {
  id: string;
  enabled: boolean;
  prefix?: string;
  condition: { type: "Age"; maxAgeSeconds: number } | { type: "Date"; date: string } | { type: "Indefinite" };
}

export const notificationActions = [
  "PutObject",
  "CopyObject",
  "CompleteMultipartUpload",
  "DeleteObject",
  "LifecycleDeletion",
] as const;

export type NotificationAction = (typeof notificationActions)[number];

export interface NotificationRule {
  ruleId: string;
  prefix?: string;
  suffix?: string;
  description?: string;
  actions: NotificationAction[];
  createdAt: string;
}

export interface QueueNotifications {
  queueId: string;
  queueName: string;
  rules: NotificationRule[];
}

/** What a new bucket has. */
export const defaultSettings: BucketSettings = {
  lifecycle: [
    {
      id: "Default Multipart Abort Rule",
      enabled: true,
      conditions: { prefix: "" },
      abortMultipartUploadsTransition: { condition: { type: "Age", maxAge: 7 * 86_400 } },
    },
  ],
};

/** The rule that keeps an object from being changed or deleted at this time. */
export function lockOf(
  locks: LockRule[] | undefined,
  key: string,
  uploadedMs: number,
  nowMs: number,
): LockRule | undefined {
  return locks?.find(
    ({ enabled, prefix, condition }) =>
      enabled && key.startsWith(prefix ?? "") && lastsUntil(condition, uploadedMs) > nowMs,
  );
}

function lastsUntil(condition: LockRule["condition"], uploadedMs: number): number {
  if (condition.type === "Age") return uploadedMs + condition.maxAgeSeconds * 1000;
  return condition.type === "Date" ? Date.parse(condition.date) : Number.POSITIVE_INFINITY;
}
