/** Messages as producers write them: the binding's requests (`workerd-bindings.md` 4.4) and what the API takes over HTTP. */
import { isObject } from "../../lib/is-object.ts";
import { MAX_DELAY_S, MAX_MESSAGE_BYTES, MAX_SEND_BYTES, MAX_SEND_MESSAGES } from "./limits.ts";
import type { Outgoing } from "./queue.ts";
import {
  batchCount,
  batchTooLarge,
  bodyMalformed,
  contentTypeInvalid,
  delayInvalid,
  messageTooLarge,
  schemaInvalid,
} from "./refusal.ts";
import type { Backlog, ContentType } from "./rows.ts";

export const FORMAT_HEADER = "x-msg-fmt";
export const DELAY_HEADER = "x-msg-delay-secs";

const contentTypes: ReadonlySet<string> = new Set<ContentType>(["text", "json", "bytes", "v8"]);

/** One message of the binding: its body is the request's. Without a format it is V8's. */
export function singleMessage(body: Buffer, format: string | undefined, delay: string | undefined): Outgoing[] {
  return checked([{ contentType: contentType(format ?? "v8"), body, delayS: headerDelay(delay, false) }]);
}

/** A batch of the binding; the header's delay is for messages without one. */
export function messageBatch(request: Buffer, delay: string | undefined): Outgoing[] {
  const batchDelayS = headerDelay(delay, true);
  const { messages } = object(parse(request));
  return checked(
    list(messages).map((each) => {
      const { body, contentType: type = "v8", delaySecs } = object(each);
      if (typeof body !== "string") throw schemaInvalid("A message has no body");
      return {
        contentType: contentType(type),
        body: Buffer.from(body, "base64"),
        delayS: delayOf(delaySecs, false) ?? batchDelayS,
      };
    }),
  );
}

/** A message of the API: a JSON value, or a text with `content_type: text`. */
export function pushedMessage(request: Buffer): Outgoing[] {
  return checked([pushed(parse(request))]);
}

/** A batch of the API. */
export function pushedBatch(request: Buffer): Outgoing[] {
  const { messages, delay_seconds } = object(parse(request));
  const batchDelayS = delayOf(delay_seconds, true);
  return checked(
    list(messages).map((each) => {
      const message = pushed(each);
      return { ...message, delayS: message.delayS ?? batchDelayS };
    }),
  );
}

/** What the binding reads of a backlog. */
export function metricsOf({ count, bytes, oldestMs }: Backlog) {
  return { backlogCount: count, backlogBytes: bytes, oldestMessageTimestamp: oldestMs };
}

/** Whole seconds from 0 to the limit; undefined: none is given. */
export function delayOf(value: unknown, batch: boolean): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > MAX_DELAY_S)
    throw delayInvalid(batch, MAX_DELAY_S);
  return value;
}

export function parse(request: Buffer): unknown {
  try {
    return JSON.parse(request.toString());
  } catch {
    throw bodyMalformed();
  }
}

export function object(value: unknown): Record<string, unknown> {
  if (!isObject(value)) throw schemaInvalid("The request is no JSON object of the expected shape");
  return value;
}

function pushed(value: unknown): Outgoing {
  const { body, content_type = "json", delay_seconds } = object(value);
  const delayS = delayOf(delay_seconds, false);
  if (body === undefined) throw schemaInvalid("A message has no body");
  if (content_type === "json") return { contentType: "json", body: Buffer.from(JSON.stringify(body)), delayS };
  if (content_type !== "text") throw schemaInvalid('content_type must be "json" or "text"');
  if (typeof body !== "string") throw schemaInvalid("The body of a text message must be a text");
  return { contentType: "text", body: Buffer.from(body), delayS };
}

function list(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw schemaInvalid("A batch must have a list of messages");
  if (value.length < 1 || value.length > MAX_SEND_MESSAGES) throw batchCount(value.length, MAX_SEND_MESSAGES);
  return value;
}

function checked(messages: Outgoing[]): Outgoing[] {
  let total = 0;
  for (const { body } of messages) {
    if (body.byteLength > MAX_MESSAGE_BYTES) throw messageTooLarge(body.byteLength, MAX_MESSAGE_BYTES);
    total += body.byteLength;
  }
  if (total > MAX_SEND_BYTES) throw batchTooLarge(total, MAX_SEND_BYTES);
  return messages;
}

function contentType(value: unknown): ContentType {
  if (typeof value !== "string" || !contentTypes.has(value)) throw contentTypeInvalid(String(value));
  return value as ContentType;
}

function headerDelay(text: string | undefined, batch: boolean): number | undefined {
  return text === undefined ? undefined : delayOf(Number(text), batch);
}
