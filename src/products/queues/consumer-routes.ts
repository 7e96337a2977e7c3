import type { z } from "zod";
import { type ApiRequest, ApiResult, route } from "../../lib/api.ts";
import { readBounded } from "../../lib/read-bounded.ts";
import type { ApiRoute, Platform } from "../../store/platform.ts";
import type { QueueConsumerRow, QueueRow } from "../../store/schema.ts";
import { askBroker } from "./ask-broker.ts";
import { ConsumerBody } from "./consumer-body.ts";
import { addConsumer, findConsumer, removeConsumer, requireConsumer, updateConsumer } from "./consumers.ts";
import { pullNotAllowed, requestTooLarge } from "./errors.ts";
import { MAX_API_REQUEST_BYTES } from "./limits.ts";
import { presentConsumer } from "./present.ts";
import { requireQueue } from "./registry.ts";

const queue = "/accounts/:account/queues/:queue";
const consumers = `${queue}/consumers`;
const one = `${consumers}/:consumer`;

type Request = ApiRequest<Platform, unknown>;

/** Consumers of queues, and messages over HTTP (`wrangler-api.md` 2.10 and 5.5). */
export const consumerRoutes: ApiRoute[] = [
  route<Platform>({
    method: "GET",
    path: consumers,
    scope: "read",
    summary: "List the consumers of a queue: one, or none",
    handle: async (request) => {
      const row = await queueOf(request);
      const found = await findConsumer(request.platform.db, row);
      return found ? [await withFailure(request, row, found)] : [];
    },
  }),
  route<Platform, z.infer<typeof ConsumerBody>>({
    method: "POST",
    path: consumers,
    scope: "edit",
    summary: "Add a consumer: a Worker, or `http_pull`",
    body: ConsumerBody,
    handle: async (request) => {
      const row = await queueOf(request);
      const added = await addConsumer(request.platform, row, request.body);
      await request.platform.runtime.publish();
      return presentConsumer(row, added);
    },
  }),
  route<Platform>({
    method: "GET",
    path: one,
    scope: "read",
    summary: "Read a consumer; `delivery_error` says why messages do not reach it",
    handle: async (request) => {
      const row = await queueOf(request);
      return withFailure(request, row, await consumerOf(request, row));
    },
  }),
  route<Platform, z.infer<typeof ConsumerBody>>({
    method: "PUT",
    path: one,
    scope: "edit",
    summary: "Replace a consumer's settings",
    body: ConsumerBody,
    handle: async (request) => {
      const row = await queueOf(request);
      const known = await consumerOf(request, row);
      const updated = await updateConsumer(request.platform, row, known, request.body);
      await request.platform.runtime.publish();
      return presentConsumer(row, updated);
    },
  }),
  route<Platform>({
    method: "DELETE",
    path: one,
    scope: "edit",
    summary: "Remove a consumer; messages stay",
    handle: async (request) => {
      const row = await queueOf(request);
      await removeConsumer(request.platform, await consumerOf(request, row));
      await request.platform.runtime.publish();
      return new ApiResult(null);
    },
  }),
  messages("message", `${queue}/messages`, "Send a message: `body`, `content_type` text or json, `delay_seconds`"),
  messages("batch", `${queue}/messages/batch`, "Send up to 100 messages; `delay_seconds` is for those without one"),
  messages("pull", `${queue}/messages/pull`, "Lease messages; `batch_size`, `visibility_timeout_ms`", true),
  messages(
    "ack",
    `${queue}/messages/ack`,
    "Acknowledge leased messages (`acks`) and have others come again (`retries`)",
    true,
  ),
];

function messages(
  operation: "message" | "batch" | "pull" | "ack",
  path: string,
  summary: string,
  pulls = false,
): ApiRoute {
  return route<Platform>({
    method: "POST",
    path,
    scope: "edit",
    summary,
    // Data, as rows of a database are: there may be thousands a minute.
    audited: false,
    handle: async (request) => {
      const { platform, raw } = request;
      const row = await queueOf(request);
      if (pulls && (await findConsumer(platform.db, row))?.type !== "http_pull") throw pullNotAllowed(row.name);
      const body = await readBounded(raw, MAX_API_REQUEST_BYTES);
      if (!body) throw requestTooLarge();
      return askBroker(platform, row, operation, body);
    },
  });
}

async function withFailure({ platform }: Request, row: QueueRow, consumer: QueueConsumerRow) {
  const { failure } = await askBroker(platform, row, "status");
  return { ...presentConsumer(row, consumer), ...(failure !== null && { delivery_error: failure }) };
}

function consumerOf({ platform, params }: Request, row: QueueRow): Promise<QueueConsumerRow> {
  return requireConsumer(platform.db, row, params.consumer ?? "");
}

function queueOf({ platform, accountId, params }: Request): Promise<QueueRow> {
  return requireQueue(platform.db, accountId, params.queue ?? "");
}
