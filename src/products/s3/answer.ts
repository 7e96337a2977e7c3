import type { Exchange } from "../../lib/http/exchange.ts";
import { reasonPhrase } from "../../lib/http/status.ts";
import { R2Error, refusalOf } from "../r2/errors.ts";
import type { ObjectBody } from "../r2/object-body.ts";
import { S3Error, type ToldError, toldError } from "./errors.ts";
import { type Content, xmlDocument, xmlError } from "./xml.ts";

export type Fields = Record<string, string | undefined>;

/** What a request is answered with. */
export interface Answer {
  status: number;
  fields?: Fields;
  /** Text, or bytes of an object. Absent: none. */
  body?: string | ObjectBody;
  /** Of an answer to HEAD, which has no body: the length that it would have. */
  length?: number;
}

export function xmlAnswer(name: string, content: Content, fields: Fields = {}): Answer {
  return { status: 200, fields: { "Content-Type": "application/xml", ...fields }, body: xmlDocument(name, content) };
}

/** What a refusal, or a failure, is answered with. */
export function errorAnswer(error: unknown, resource: string): Answer {
  const told: ToldError = toldError(error instanceof S3Error || error instanceof R2Error ? error : refusalOf(error));
  return {
    status: told.status,
    fields: { "Content-Type": "application/xml", ...(told.status === 503 && { "Retry-After": "1" }) },
    body: xmlError(told, resource),
  };
}

/** Sends an answer. A body that cannot be sent any more is let go of. */
export async function sendAnswer(exchange: Exchange<unknown>, method: string, answer: Answer): Promise<void> {
  const { status, body, fields = {}, length } = answer;
  const lines = fieldLines(fields);
  if (!exchange.open) {
    if (typeof body === "object") body.cancel();
  } else if (typeof body === "object" && method !== "HEAD") {
    const head = `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n${lines}Content-Length: ${body.length}\r\n`;
    await body.sendTo(exchange, `${head}${exchange.startAnswer()}\r\n`);
  } else if (body === undefined) {
    const lengthLine = status === 204 || status === 304 ? "" : `Content-Length: ${length ?? 0}\r\n`;
    const head = `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n${lines}${lengthLine}`;
    exchange.write(`${head}${exchange.startAnswer()}\r\n`);
    exchange.end();
  } else if (typeof body === "string") exchange.respond(status, lines, body);
  else body.cancel();
}

/** What a field's value cannot have. */
const UNSENDABLE = /[^\t\x20-\x7e\x80-\xff]/g;

function fieldLines(fields: Fields): string {
  let lines = "";
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) lines += `${name}: ${value.replace(UNSENDABLE, "")}\r\n`;
  }
  return lines;
}
