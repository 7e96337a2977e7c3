import { isDiskFull } from "../../lib/disk-full.ts";

/**
 * What a producer or a pull consumer is told. Codes and causes are those of the original's list of error codes; the runtime
 * shows them as `<cause> (<code>)`.
 */
export class QueueRefusal extends Error {
  override name = "QueueRefusal";
  readonly status: number;
  readonly code: number;

  constructor(status: number, code: number, cause: string) {
    super(cause);
    this.status = status;
    this.code = code;
  }
}

export const queueMissing = () => new QueueRefusal(404, 10104, "Queue does not exist");
export const delayInvalid = (batch: boolean, maxS: number) =>
  new QueueRefusal(
    400,
    batch ? 10202 : 10203,
    `Invalid ${batch ? "batch" : "message"} delay: give whole seconds from 0 to ${maxS}`,
  );
export const contentTypeInvalid = (type: string) =>
  new QueueRefusal(
    400,
    10203,
    `Invalid content type ${JSON.stringify(type.slice(0, 40))}: give text, bytes, json or v8`,
  );
export const messageTooLarge = (bytes: number, max: number) =>
  new QueueRefusal(413, 10204, `message length of ${bytes} bytes exceeds limit of ${max}`);
export const batchTooLarge = (bytes: number, max: number) =>
  new QueueRefusal(413, 10205, `batch size of ${bytes} bytes exceeds limit of ${max}`);
export const batchCount = (count: number, max: number) =>
  new QueueRefusal(413, 10206, `batch message count of ${count} is not within 1 and ${max}`);
export const schemaInvalid = (why: string) => new QueueRefusal(400, 10207, why);
export const bodyMalformed = () => new QueueRefusal(400, 10208, "Request body is not valid JSON");
export const storageLimit = (maxBytes: number) =>
  new QueueRefusal(429, 10251, `Storage Limit Exceeded: the backlog of the queue has reached ${maxBytes} bytes`);

/** A disk that is full fails every write: one line says enough. */
const LOG_PAUSE_MS = 1000;
let loggedAtMs = Number.NEGATIVE_INFINITY;

/** The refusal that an error comes to. What is not one already is a failure of the store, and is logged. */
export function refusalOf(error: unknown): QueueRefusal {
  if (error instanceof QueueRefusal) return error;
  if (performance.now() - loggedAtMs > LOG_PAUSE_MS) {
    loggedAtMs = performance.now();
    console.error("queues:", error);
  }
  if (isDiskFull(error)) return new QueueRefusal(507, 15000, "The disk of the queue store is full: nothing was stored");
  return new QueueRefusal(
    503,
    15000,
    `The queue store is not available: ${error instanceof Error ? error.message : String(error)}`,
  );
}
