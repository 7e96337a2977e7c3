import { z } from "zod";
import { type ApiRequest, ApiResult, route } from "../../lib/api.ts";
import { pageResult, readPage } from "../../lib/paging.ts";
import type { ApiRoute, Platform } from "../../store/platform.ts";
import type { QueueRow } from "../../store/schema.ts";
import { askBroker } from "./ask-broker.ts";
import { consumersOf, findConsumer } from "./consumers.ts";
import { purgeUnconfirmed, renaming, subscriptionsUnavailable } from "./errors.ts";
import { presentQueue } from "./present.ts";
import { createQueue, deleteQueue, listQueues, requireQueue, updateQueue } from "./registry.ts";
import { producersOf } from "./users.ts";

const list = "/accounts/:account/queues";
const one = `${list}/:queue`;
const subscriptions = "/accounts/:account/event_subscriptions/subscriptions";

const Settings = z
  .object({
    delivery_delay: z.number().nullish(),
    message_retention_period: z.number().nullish(),
    delivery_paused: z.boolean().nullish(),
  })
  .nullish();
const Creation = z.object({ queue_name: z.string(), settings: Settings, jurisdiction: z.string().nullish() });
const Update = z.object({ queue_name: z.string().optional(), settings: Settings, jurisdiction: z.string().nullish() });
const Purge = z.object({ delete_messages_permanently: z.boolean().optional() });

/** Queues, as wrangler and the SDK manage them (`wrangler-api.md` 5.5). */
export const queueRoutes: ApiRoute[] = [
  route<Platform, z.infer<typeof Creation>>({
    method: "POST",
    path: list,
    scope: "edit",
    summary: "Create a queue",
    body: Creation,
    handle: async ({ platform, accountId, body }) => {
      const row = await createQueue(platform, accountId, body.queue_name, body.settings ?? {});
      await platform.runtime.publish();
      return presentQueue(row, { producers: [], consumer: undefined });
    },
  }),
  route<Platform>({
    method: "GET",
    path: list,
    scope: "read",
    summary: "List queues by name; `name`, which may be repeated, chooses some",
    handle: async ({ platform, accountId, query }) => {
      const page = readPage(query, { default: 100, max: 1000 });
      const { rows, total } = await listQueues(platform.db, accountId, page, query.getAll("name").filter(Boolean));
      const producers = await producersOf(platform.db, accountId);
      const consumers = await consumersOf(platform.db, accountId);
      const presented = rows.map((row) =>
        presentQueue(row, { producers: producers.get(row.id) ?? [], consumer: consumers.get(row.id) }),
      );
      return pageResult(page, presented, total);
    },
  }),
  route<Platform>({
    method: "GET",
    path: one,
    scope: "read",
    summary: "Read a queue",
    handle: async (request) => present(request, await queueOf(request)),
  }),
  ...(["PATCH", "PUT"] as const).map((method) =>
    route<Platform, z.infer<typeof Update>>({
      method,
      path: one,
      scope: "edit",
      summary: "Change a queue's settings: delay, retention, paused or not",
      body: Update,
      handle: async (request) => {
        const { platform, body } = request;
        const row = await queueOf(request);
        if (body.queue_name !== undefined && body.queue_name !== row.name) throw renaming(row.name, body.queue_name);
        const updated = await updateQueue(platform, row, body.settings ?? {});
        await platform.runtime.publish();
        return present(request, updated);
      },
    }),
  ),
  route<Platform>({
    method: "DELETE",
    path: one,
    scope: "edit",
    summary: "Delete a queue with its messages",
    handle: async (request) => {
      await deleteQueue(request.platform, await queueOf(request));
      await request.platform.runtime.publish();
      return new ApiResult(null);
    },
  }),
  route<Platform>({
    method: "GET",
    path: `${one}/metrics`,
    scope: "read",
    summary: "Read a queue's backlog",
    handle: async (request) => (await askBroker(request.platform, await queueOf(request), "status")).metrics,
  }),
  route<Platform, z.infer<typeof Purge>>({
    method: "POST",
    path: `${one}/purge`,
    scope: "edit",
    summary: "Remove all messages of a queue",
    body: Purge,
    handle: async (request) => {
      if (request.body.delete_messages_permanently !== true) throw purgeUnconfirmed();
      const row = await queueOf(request);
      await askBroker(request.platform, row, "purge");
      return present(request, row);
    },
  }),
  route<Platform>({
    method: "GET",
    path: `${one}/purge`,
    scope: "read",
    summary: "Whether a purge is done: always, once it was answered",
    handle: async (request) => {
      await queueOf(request);
      return { completed: "true" };
    },
  }),
  ...(
    [
      ["GET", subscriptions],
      ["POST", subscriptions],
      ["GET", `${subscriptions}/:subscription`],
      ["PATCH", `${subscriptions}/:subscription`],
      ["DELETE", `${subscriptions}/:subscription`],
    ] as const
  ).map(([method, path]) =>
    route<Platform>({
      method,
      path,
      scope: "read",
      summary: "Event subscriptions are not part of Freehold",
      handle: () => {
        throw subscriptionsUnavailable();
      },
    }),
  ),
];

async function present(request: ApiRequest<Platform, unknown>, row: QueueRow): Promise<Record<string, unknown>> {
  const { db } = request.platform;
  const producers = (await producersOf(db, row.account_id)).get(row.id) ?? [];
  return presentQueue(row, { producers, consumer: await findConsumer(db, row) });
}

function queueOf({ platform, accountId, params }: ApiRequest<Platform, unknown>): Promise<QueueRow> {
  return requireQueue(platform.db, accountId, params.queue ?? "");
}
