/**
 * What the runtime's Images binding calls: `POST /info` and `POST /transform` with a form (`workerd-bindings.md`). A failure
 * is a text with the header `cf-images-binding: err=<code>`, of which the runtime makes what the Worker catches.
 */
import type { Exchange } from "../../lib/http/exchange.ts";
import { BodyLost, requestBody } from "../../lib/http/exchange-body.ts";
import type { RequestHead } from "../../lib/http/request-head.ts";
import type { HostReply } from "../d1/host-protocol.ts";
import { encodeCall } from "./call-form.ts";
import { imagesCodes } from "./errors.ts";
import { Failure } from "./failure.ts";
import { CALL_MS, MAX_CALL_BYTES } from "./limits.ts";

/** Has calls worked on by hosts. */
export interface ImagesCaller {
  /** Waits for the account's turn; resolves with what ends it. Throws {@link Failure} when too many wait. */
  turn(accountId: string): Promise<() => void>;
  run(accountId: string, payload: Buffer, isWanted: () => boolean): Promise<HostReply>;
}

export interface ImagesCall<State> {
  exchange: Exchange<State>;
  head: RequestHead;
  accountId: string;
  /** Of the request. */
  contentType: string;
}

/** Answers the call. Never rejects. */
export async function serveImages<State>(caller: ImagesCaller, call: ImagesCall<State>): Promise<void> {
  const { exchange, accountId } = call;
  const { method, target } = call.head;
  const operation = /^\/(info|transform)$/.exec(target)?.[1] as "info" | "transform" | undefined;
  if (method !== "POST" || !operation || call.contentType.length > 200) {
    refuse(exchange, imagesCodes.failed, "This is not part of the Images binding here.");
    return;
  }
  let end: (() => void) | undefined;
  try {
    end = await caller.turn(accountId);
    const body = await bodyInTime(exchange);
    const payload = encodeCall({ operation, contentType: call.contentType, body });
    answer(exchange, await caller.run(accountId, payload, () => exchange.open));
  } catch (error) {
    if (error instanceof Failure) refuse(exchange, error.code, error.message);
    // With a lost body there is nobody to tell, or it has been answered.
    else if (!(error instanceof BodyLost)) {
      console.error(`images of ${accountId}:`, error);
      refuse(exchange, imagesCodes.failed, "The image cannot be worked on now.");
    }
  } finally {
    end?.();
  }
}

/** Whoever sends slowly does not keep the turn. */
async function bodyInTime<State>(exchange: Exchange<State>): Promise<Buffer> {
  const words = `The image did not come within ${CALL_MS / 1000} seconds.`;
  const timer = setTimeout(() => refuse(exchange, imagesCodes.failed, words), CALL_MS);
  try {
    const parts: Buffer[] = [];
    for await (const part of requestBody(exchange, MAX_CALL_BYTES)) parts.push(part);
    return Buffer.concat(parts);
  } finally {
    clearTimeout(timer);
  }
}

/** The host puts the media type in the place of the bookmark. */
function answer<State>(exchange: Exchange<State>, { ok, bookmark, payload }: HostReply): void {
  if (ok) {
    exchange.respond(200, `Content-Type: ${bookmark}\r\n`, payload);
    return;
  }
  const { code, message } = JSON.parse(payload.toString()) as { code: unknown; message: string };
  refuse(exchange, typeof code === "number" ? code : imagesCodes.failed, message);
}

function refuse<State>(exchange: Exchange<State>, code: number, message: string): void {
  exchange.respond(400, `Content-Type: text/plain\r\ncf-images-binding: err=${code}\r\n`, `ERROR ${code}: ${message}`);
}
