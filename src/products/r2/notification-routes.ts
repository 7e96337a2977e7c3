import { randomBytes } from "node:crypto";
import type { z } from "zod";
import { ApiError, type ApiRequest, route } from "../../lib/api.ts";
import { KeyedMutex } from "../../lib/keyed-mutex.ts";
import type { ApiRoute, Platform } from "../../store/platform.ts";
import type { QueueRow } from "../../store/schema.ts";
import { requireQueue } from "../queues/registry.ts";
import { MAX_NOTIFICATION_RULES } from "./limits.ts";
import { NotificationRules, RuleIds } from "./schemas.ts";
import type { NotificationRule, QueueNotifications } from "./settings.ts";
import { changeBucket, readBucket } from "./store-client.ts";

type Request<Body = unknown> = ApiRequest<Platform, Body>;

const configuration = "/accounts/:account/event_notifications/r2/:bucket/configuration";
const ofQueue = `${configuration}/queues/:queue`;

/** Which changes of a bucket are told to which queue (`wrangler-api.md` 5.3). */
export const notificationRoutes: ApiRoute[] = [
  route<Platform>({
    method: "GET",
    path: configuration,
    scope: "read",
    summary: "List the event notification rules of a bucket, by queue",
    handle: async (request) => {
      const { name, queues } = await notificationsOf(request);
      if (queues.length > 0) return { bucketName: name, queues };
      const message = `The bucket ${JSON.stringify(name)} has no event notification rules.`;
      throw new ApiError(404, { code: 11015, message });
    },
  }),
  route<Platform>({
    method: "GET",
    path: ofQueue,
    scope: "read",
    summary: "List the event notification rules of a bucket for a queue",
    handle: async (request) => {
      const queue = await queueOf(request);
      const { queues } = await notificationsOf(request);
      return (
        queues.find(({ queueId }) => queueId === queue.id) ?? { queueId: queue.id, queueName: queue.name, rules: [] }
      );
    },
  }),
  route<Platform, z.infer<typeof NotificationRules>>({
    method: "PUT",
    path: ofQueue,
    scope: "edit",
    summary: "Add event notification rules of a bucket for a queue",
    body: NotificationRules,
    handle: (request) => alone(request, addRules),
  }),
  route<Platform, z.infer<typeof RuleIds>>({
    method: "DELETE",
    path: ofQueue,
    scope: "edit",
    summary: "Remove event notification rules of a bucket for a queue: those of `ruleIds`, or all",
    body: RuleIds,
    handle: (request) => alone(request, removeRules),
  }),
];

const changes = new KeyedMutex();

/** Changes of one bucket's rules come one after the other: each is made of what the one before it left. */
function alone<Body, Result>(
  request: Request<Body>,
  change: (request: Request<Body>) => Promise<Result>,
): Promise<Result> {
  return changes.run(`${request.accountId}/${request.params.bucket}`, () => change(request));
}

async function addRules(request: Request<z.infer<typeof NotificationRules>>): Promise<Record<string, never>> {
  const queue = await queueOf(request);
  const { queues } = await notificationsOf(request);
  const present = queues.flatMap(({ rules }) => rules);
  const added: NotificationRule[] = [];
  for (const { prefix, suffix, description, actions } of request.body.rules) {
    const rule: NotificationRule = {
      ruleId: randomBytes(16).toString("hex"),
      ...(prefix && { prefix }),
      ...(suffix && { suffix }),
      ...(description && { description }),
      actions: [...new Set(actions)],
      createdAt: new Date().toISOString(),
    };
    const other = [...present, ...added].find((one) => overlap(one, rule));
    if (other) throw overlapping(rule, other);
    added.push(rule);
  }
  if (present.length + added.length > MAX_NOTIFICATION_RULES) {
    const message = `A bucket has at most ${MAX_NOTIFICATION_RULES} event notification rules.`;
    throw new ApiError(400, { code: 11014, message });
  }
  const own = queues.find(({ queueId }) => queueId === queue.id)?.rules ?? [];
  const entry = { queueId: queue.id, queueName: queue.name, rules: [...own, ...added] };
  return save(request, [...queues.filter(({ queueId }) => queueId !== queue.id), entry]);
}

async function removeRules(request: Request<z.infer<typeof RuleIds>>): Promise<Record<string, never>> {
  const { queue = "" } = request.params;
  const { queues } = await notificationsOf(request);
  const entry = queues.find(({ queueId }) => queueId === queue);
  const ids = request.body?.ruleIds ?? entry?.rules.map(({ ruleId }) => ruleId) ?? [];
  const missing = ids.find((id) => !entry?.rules.some(({ ruleId }) => ruleId === id));
  if (!entry || missing !== undefined) {
    const what = missing === undefined ? "rule for this queue" : `rule ${JSON.stringify(missing.slice(0, 80))}`;
    throw new ApiError(404, { code: 11015, message: `The bucket has no event notification ${what}.` });
  }
  const rules = entry.rules.filter(({ ruleId }) => !ids.includes(ruleId));
  const others = queues.filter(({ queueId }) => queueId !== queue);
  return save(request, rules.length > 0 ? [...others, { ...entry, rules }] : others);
}

function queueOf({ platform, accountId, params }: Request): Promise<QueueRow> {
  return requireQueue(platform.db, accountId, params.queue ?? "");
}

async function notificationsOf(request: Request): Promise<{ name: string; queues: QueueNotifications[] }> {
  const { platform, accountId, params } = request;
  const { name, settings } = await readBucket(platform, accountId, params.bucket ?? "");
  return { name, queues: settings.notifications ?? [] };
}

async function save(
  { platform, accountId, params }: Request,
  queues: QueueNotifications[],
): Promise<Record<string, never>> {
  const settings = { notifications: queues.length > 0 ? queues : null };
  await changeBucket(platform, accountId, params.bucket ?? "", { settings });
  return {};
}

/** One change would be told by both. */
function overlap(one: NotificationRule, other: NotificationRule): boolean {
  const [prefix, otherPrefix] = [one.prefix ?? "", other.prefix ?? ""];
  const [suffix, otherSuffix] = [one.suffix ?? "", other.suffix ?? ""];
  return (
    one.actions.some((action) => other.actions.includes(action)) &&
    (prefix.startsWith(otherPrefix) || otherPrefix.startsWith(prefix)) &&
    (suffix.endsWith(otherSuffix) || otherSuffix.endsWith(suffix))
  );
}

function overlapping(rule: NotificationRule, other: NotificationRule): ApiError {
  const shown = ({ prefix, suffix, actions }: NotificationRule) =>
    `${actions.join(", ")} with prefix "${prefix ?? ""}" and suffix "${suffix ?? ""}"`;
  const message = `The rule of ${shown(rule)} overlaps with that of ${shown(other)}: a change would be told twice.`;
  return new ApiError(400, { code: 11020, message });
}
