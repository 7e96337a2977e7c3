/** What control asks of the broker: `POST /queues/<account>/<queue>/<operation>`, JSON both ways. */
import type { Exchange } from "../../lib/http/exchange.ts";
import { MAX_API_REQUEST_BYTES } from "./limits.ts";
import { acknowledge, pull } from "./pull.ts";
import type { Outgoing } from "./queue.ts";
import type { Queues } from "./queues.ts";
import { refusalOf, schemaInvalid } from "./refusal.ts";
import type { Backlog } from "./rows.ts";
import { parse, pushedBatch, pushedMessage } from "./wire.ts";

/** Both ids become parts of paths. */
export const QUEUE_PATH = /^\/queues\/([0-9a-f]{32})\/([0-9a-f]{32})\/([a-z]+)$/;

export interface QueueApiCall<State> {
  exchange: Exchange<State>;
  accountId: string;
  queueId: string;
  operation: string;
}

/** What of deliveries goes wrong; undefined: nothing. */
export type DeliveryFailure = (queueId: string) => string | undefined;

const JSON_TYPE = "Content-Type: application/json\r\n";

export function serveQueueApi<State>(queues: Queues, failure: DeliveryFailure, call: QueueApiCall<State>): void {
  const { exchange } = call;
  exchange.takeBody(MAX_API_REQUEST_BYTES, async (body) => {
    try {
      const reply = JSON.stringify(await answer(queues, failure, call, body));
      exchange.respond(200, JSON_TYPE, reply);
    } catch (error) {
      const { status, code, message } = refusalOf(error);
      exchange.respond(status, JSON_TYPE, JSON.stringify({ code, message }));
    }
  });
}

async function answer<State>(
  queues: Queues,
  failure: DeliveryFailure,
  { accountId, queueId, operation }: QueueApiCall<State>,
  body: Buffer,
): Promise<unknown> {
  const queue = await queues.find(accountId, queueId);
  const send = async (messages: Outgoing[]) => ({ metadata: { metrics: present(await queue.send(messages)) } });
  const consumer = () => {
    const found = queue.record.consumer;
    if (found?.type !== "http_pull") throw schemaInvalid("The queue has no HTTP pull consumer");
    return found;
  };
  switch (operation) {
    case "message":
      return send(pushedMessage(body));
    case "batch":
      return send(pushedBatch(body));
    case "pull":
      return pull(queues, queue, consumer(), parse(body));
    case "ack":
      return acknowledge(queue, consumer(), parse(body));
    case "purge":
      await queue.purge();
      return {};
    case "status":
      return { metrics: present(await queue.backlog()), failure: failure(queueId) ?? null };
    default:
      throw schemaInvalid("There is no such operation");
  }
}

function present({ count, bytes, oldestMs }: Backlog) {
  return { backlog_count: count, backlog_bytes: bytes, oldest_message_timestamp_ms: oldestMs };
}
