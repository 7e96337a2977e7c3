/**
 * Every refusal of the KV API: code, HTTP status, message with the remedy. The client knows 10014 (`wrangler-api.md` 10);
 * 10009 and 10013 are what the original answers for a key and a namespace that are not there. The others are refusals of
 * the store in the API's clothes, so that both ways say the same.
 */
import { ApiError } from "../../lib/api.ts";
import { MAX_BULK_PAIRS, MAX_NAMESPACES, MAX_TITLE_CHARS } from "./limits.ts";

const refuse = (status: number, code: number, message: string) => new ApiError(status, { code, message });

export const keyNotFound = () => refuse(404, 10009, "get: 'key not found'");

export const namespaceNotFound = (id: string) =>
  refuse(
    404,
    10013,
    `The KV namespace ${JSON.stringify(id.slice(0, 80))} was not found. \`wrangler kv namespace list\` shows those there are.`,
  );

export const titleExists = (title: string) =>
  refuse(
    400,
    10014,
    `A namespace with this account ID and title already exists: ${JSON.stringify(title)}. Choose another title.`,
  );

export const invalidTitle = () =>
  refuse(400, 10012, `The title of a KV namespace must have 1 to ${MAX_TITLE_CHARS} characters.`);

export const tooManyNamespaces = () =>
  refuse(
    400,
    10011,
    `This account has ${MAX_NAMESPACES} KV namespaces, which is the limit. Delete one (\`wrangler kv namespace delete\`) before you make another.`,
  );

export const malformed = (why: string) => refuse(400, 10022, `The request is malformed: ${why}`);

export const tooManyPairs = (count: number) =>
  refuse(400, 10023, `The request has ${count} entries; at most ${MAX_BULK_PAIRS} are allowed. Send several requests.`);

/** What the store refused, with its own status. */
export function storeRefused(status: number, reason: string): ApiError {
  const code = status === 413 || status === 414 ? 10024 : status < 500 ? 10022 : 10025;
  return refuse(status, code, reason);
}

export const storeUnreachable = (why: string) =>
  refuse(
    503,
    10025,
    `The KV store cannot be reached (${why}). The platform may be restarting: try again in a few seconds.`,
  );
