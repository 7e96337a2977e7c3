import { type ApiError, type ApiFailure, ApiResult } from "../lib/api.ts";

/** Code that the original gives to informational messages. */
const MESSAGE_CODE = 10000;

/** The client's envelope around a handler's result (`wrangler-api.md` 1.3). A `Response` passes as it is. */
export function succeed(result: unknown): Response {
  if (result instanceof Response) return result;
  const full = result instanceof ApiResult ? result : new ApiResult(result);
  const body: Record<string, unknown> = {
    success: true,
    // `undefined` would leave the member out, and clients expect it.
    result: full.result ?? null,
    errors: [],
    messages: full.messages.map((message) => ({ code: MESSAGE_CODE, message })),
  };
  if (full.resultInfo) body.result_info = full.resultInfo;
  return json(full.status, body);
}

export function fail(error: ApiError): Response {
  return json(error.status, { success: false, result: null, errors: error.failures.map(clientError), messages: [] });
}

/** wrangler prints the members of `error_chain` below the message, without a code when that is 0. */
function clientError({ code, message, meta, notes }: ApiFailure): Record<string, unknown> {
  return {
    code,
    message,
    ...(meta && { meta }),
    ...(notes && notes.length > 0 && { error_chain: notes.map((note) => ({ code: 0, message: note })) }),
  };
}

/** API answers are for the caller alone. */
function json(status: number, body: unknown): Response {
  return Response.json(body, { status, headers: { "cache-control": "no-store" } });
}
