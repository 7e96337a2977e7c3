import { open } from "node:fs";
import type { Exchange } from "../../lib/http/exchange.ts";
import { FileSource } from "../../lib/http/file-source.ts";
import { reasonPhrase } from "../../lib/http/status.ts";
import { type AccountContents, type Kept, MAX_KEPT_BYTES } from "./contents.ts";
import type { Body, Decision } from "./decision.ts";

export interface SendOptions {
  contents: AccountContents;
  /** Field lines of this one answer, such as its date. */
  lines: string;
  /** Whole interim response to go before, or "". */
  interim: string;
  /** The content is not where it should be; nothing has been sent. */
  lost(): void;
}

/** Sends a decision, from memory at once or from disk when the bytes are there. */
export function sendDecision<State>(exchange: Exchange<State>, decision: Decision, options: SendOptions): void {
  const { body } = decision;
  const { contents } = options;
  if (!body || body.length === 0) {
    exchange.write(head(exchange, decision, options));
    exchange.end();
    return;
  }
  const kept = contents.bytes(body.hash, body.form);
  if (kept !== undefined) sendKept(exchange, decision, body, kept, options);
  else if (wholeLength(decision, body) <= MAX_KEPT_BYTES) {
    contents.load(body.hash, body.form).then(
      (loaded) => {
        if (exchange.open) sendKept(exchange, decision, body, loaded, options);
      },
      () => options.lost(),
    );
  } else sendFile(exchange, decision, body, options);
}

/** What the whole form has at least; a range says it in `content-range`. */
function wholeLength(decision: Decision, body: Body): number {
  const range = decision.kind === "range" && decision.headers.find(([name]) => name === "content-range")?.[1];
  return range ? Number(range.slice(range.indexOf("/") + 1)) : body.length;
}

function sendKept<State>(
  exchange: Exchange<State>,
  decision: Decision,
  body: Body,
  kept: Kept,
  options: SendOptions,
): void {
  const { offset, length } = body;
  if (offset + length > kept.length) {
    options.lost();
    return;
  }
  const text = head(exchange, decision, options);
  const part = length < kept.length;
  if (typeof kept === "string") exchange.write(text + (part ? kept.slice(offset, offset + length) : kept));
  else exchange.write(text, part ? kept.subarray(offset, offset + length) : kept);
  exchange.end();
}

function sendFile<State>(exchange: Exchange<State>, decision: Decision, body: Body, options: SendOptions): void {
  open(options.contents.path(body.hash, body.form), (error, descriptor) => {
    if (error) return options.lost();
    const source = new FileSource(exchange, descriptor, body.offset, body.length);
    if (!exchange.open) return source.cancel();
    exchange.write(head(exchange, decision, options));
    exchange.writeFrom(source);
  });
}

function head<State>(exchange: Exchange<State>, decision: Decision, { interim, lines }: SendOptions): string {
  decision.wire ??= wire(decision);
  const connection = exchange.startAnswer();
  return `${interim}${decision.wire}${lines}${connection}\r\n`;
}

/** Status line and fields that are the same each time. */
function wire({ status, headers, length }: Decision): string {
  let text = `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n`;
  for (const [name, value] of headers) text += `${name}: ${value}\r\n`;
  if (length !== undefined) text += `content-length: ${length}\r\n`;
  return text;
}
