/** What a Worker's queue binding calls: workerd's own protocol (`workerd-bindings.md` 4.4). */
import type { BindingOf } from "../../domain/version.ts";
import type { Exchange } from "../../lib/http/exchange.ts";
import { MAX_MESSAGE_BYTES, MAX_SEND_REQUEST_BYTES } from "./limits.ts";
import type { Outgoing } from "./queue.ts";
import type { Queues } from "./queues.ts";
import { refusalOf } from "./refusal.ts";
import { messageBatch, metricsOf, singleMessage } from "./wire.ts";

export interface QueueCall<State> {
  exchange: Exchange<State>;
  target: string;
  /** Values of `FORMAT_HEADER` and `DELAY_HEADER`. */
  format: string | undefined;
  delay: string | undefined;
  accountId: string;
  binding: Pick<BindingOf<"queue">, "queueId" | "deliveryDelayS">;
}

const JSON_TYPE = "Content-Type: application/json\r\n";
const MAX_CAUSE_CHARS = 300;

/** Answers a request of a binding. */
export function serveQueue<State>(queues: Queues, call: QueueCall<State>): void {
  const { exchange, target, format, delay } = call;
  if (target === "/message") {
    // A body that is a little too long is still read, so that the sender learns what is wrong with it.
    exchange.takeBody(
      2 * MAX_MESSAGE_BYTES,
      (body) => void send(queues, call, () => singleMessage(body, format, delay)),
    );
  } else if (target === "/batch") {
    exchange.takeBody(MAX_SEND_REQUEST_BYTES, (body) => void send(queues, call, () => messageBatch(body, delay)));
  } else if (target === "/metrics") {
    void answer(exchange, async () => {
      const queue = await queues.find(call.accountId, call.binding.queueId);
      return metricsOf(await queue.backlog());
    });
  } else exchange.respond(404, "", "This is not part of Queues.");
}

function send<State>(queues: Queues, call: QueueCall<State>, read: () => Outgoing[]): Promise<void> {
  const { queueId, deliveryDelayS } = call.binding;
  return answer(call.exchange, async () => {
    const messages = read().map((message) => ({ ...message, delayS: message.delayS ?? deliveryDelayS }));
    return { metadata: { metrics: metricsOf(await queues.enqueue(call.accountId, queueId, messages)) } };
  });
}

/** The runtime shows the reason phrase or, with `queue_expose_error_codes`, the two fields. */
async function answer<State>(exchange: Exchange<State>, work: () => Promise<unknown>): Promise<void> {
  try {
    const reply = JSON.stringify(await work());
    exchange.respond(200, JSON_TYPE, reply);
  } catch (error) {
    const { status, code, message } = refusalOf(error);
    const cause = message.slice(0, MAX_CAUSE_CHARS).replace(/[^\x20-\x7e]/g, "?");
    const fields = `CF-Queues-Error-Code: ${code}\r\nCF-Queues-Error-Cause: ${cause}\r\n`;
    exchange.respond(status, `${fields}Content-Type: text/plain\r\n`, message, cause);
  }
}
