/**
 * Every refusal of the Queues API: code, HTTP status, message with the remedy. The client knows 100127 and 100128
 * (`wrangler-api.md` 10); 10104, 11001, 11004 and 11009 are what the original answers. Refusals of the broker keep their codes.
 */
import { ApiError } from "../../lib/api.ts";
import { MAX_API_REQUEST_BYTES, MAX_NAME_CHARS, MAX_QUEUES } from "./limits.ts";

const refuse = (status: number, code: number, message: string) => new ApiError(status, { code, message });
const quoted = (text: string) => JSON.stringify(text.slice(0, 80));

export const queueNotFound = (id: string) =>
  refuse(
    404,
    10104,
    `There is no queue ${quoted(id)} on your account. \`wrangler queues list\` shows those there are.`,
  );

export const consumerNotFound = (id: string) =>
  refuse(
    404,
    11003,
    `The queue has no consumer ${quoted(id)}. \`wrangler queues consumer list\` shows the one there is.`,
  );

export const consumerExists = (queue: string, consumer: string) =>
  refuse(
    409,
    11004,
    `Queue ${quoted(queue)} has a consumer already (${consumer}), and can have one only. ` +
      "Remove it first (`wrangler queues consumer worker remove`, `wrangler queues consumer http remove`).",
  );

export const nameTaken = (name: string) =>
  refuse(409, 11009, `Queue name ${quoted(name)} is already taken on your account. Choose another name.`);

export const invalidName = (name: string) =>
  refuse(
    400,
    11005,
    `${quoted(name)} cannot be the name of a queue. Use 1 to ${MAX_NAME_CHARS} lower-case letters, digits and dashes; ` +
      "the first and the last must be a letter or a digit.",
  );

export const renaming = (name: string, to: string) =>
  refuse(
    400,
    100128,
    `Queue ${quoted(name)} cannot be renamed to ${quoted(to)}: bindings and configuration files name it. Create another queue.`,
  );

export const tooManyQueues = () =>
  refuse(
    400,
    11007,
    `This account has ${MAX_QUEUES} queues, which is the limit. Delete one (\`wrangler queues delete\`) before you make another.`,
  );

export const queueInUse = (name: string, by: string[]) =>
  refuse(409, 11010, `Queue ${quoted(name)} is in use: ${by.join("; ")}. Change these first, then delete the queue.`);

export const invalidQueueSettings = (why: string) => refuse(400, 100128, `The queue's settings are invalid: ${why}`);

export const invalidConsumerSettings = (why: string) =>
  refuse(400, 100127, `The consumer's settings are invalid: ${why}`);

export const consumerScript = (script: string, why: string) =>
  refuse(400, 100127, `Worker ${quoted(script)} cannot consume a queue: ${why}`);

const docs = "Export one by default (`queue(batch, env, ctx)`)";

/** The code of the consumer-to-be has none. */
export const noQueueHandler = (script: string) =>
  refuse(
    400,
    11001,
    `Queue handler is missing: the code of ${quoted(script)} has no queue() handler. ${docs}, and deploy it.`,
  );

/** The code that is uploaded has none, and its script consumes queues. */
export const queueHandlerLost = (script: string, queues: string[]) =>
  refuse(
    400,
    11001,
    `Queue handler is missing: ${quoted(script)} consumes ${queues.map(quoted).join(", ")}, and this code has no queue() handler. ` +
      `${docs}, or remove the consumer first: \`wrangler queues consumer remove ${queues[0]} ${script}\`.`,
  );

export const pullNotAllowed = (name: string) =>
  refuse(
    405,
    10405,
    `Queue ${quoted(name)} has no HTTP pull consumer. Add one first: \`wrangler queues consumer http add ${name}\`.`,
  );

export const requestTooLarge = () =>
  refuse(413, 10205, `The request is larger than ${MAX_API_REQUEST_BYTES} bytes. Send the messages in several.`);

export const purgeUnconfirmed = () =>
  refuse(400, 10207, 'Purging removes all messages for good. Say so with "delete_messages_permanently": true.');

export const subscriptionsUnavailable = () =>
  refuse(
    400,
    10015,
    "Event subscriptions are not part of Freehold: its products publish no events. " +
      "R2 event notifications are there (`wrangler r2 bucket notification create`).",
  );

/** What the broker refused, with its own status and code. */
export const brokerRefused = (status: number, code: number, message: string) => refuse(status, code, message);

export const brokerUnreachable = (why: string) =>
  refuse(
    503,
    15000,
    `The queues cannot be reached (${why}). The platform may be restarting: try again in a few seconds.`,
  );
