/**
 * Every refusal of the Secrets Store API. Codes, and the words before the colon, are the original's: clients look for both. A
 * conflict is 400 but for the store that is not empty, as there.
 */
import { ApiError } from "../../lib/api.ts";
import { MAX_COMMENT_CHARS, MAX_SECRETS, MAX_STORE_NAME_CHARS, MAX_STORES, MAX_VALUE_BYTES, SCOPES } from "./limits.ts";

const refuse = (status: number, code: number, message: string) => new ApiError(status, { code, message });
const quoted = (text: string) => JSON.stringify(text.slice(0, 80));

export const storeNotFound = (id: string) =>
  refuse(
    404,
    1001,
    `store_not_found: there is no store ${quoted(id)}. \`wrangler secrets-store store list --remote\` shows those there are.`,
  );

export const secretNotFound = (id: string) =>
  refuse(
    404,
    1001,
    `secret_not_found: there is no secret ${quoted(id)} in this store. \`wrangler secrets-store secret list <store> --remote\` shows those there are.`,
  );

export const tooManyStores = () =>
  refuse(400, 1003, `maximum_stores_exceeded: an account has ${MAX_STORES} store at most. Use the one there is.`);

export const invalidStoreName = () =>
  refuse(400, 1001, `store_name_invalid: the name of a store has 1 to ${MAX_STORE_NAME_CHARS} characters.`);

export const storeNotEmpty = () =>
  refuse(
    409,
    1003,
    "store_not_empty: the store has secrets. Delete them first, or ask with `force=true` to delete all.",
  );

export const tooManySecrets = () =>
  refuse(
    400,
    1003,
    `maximum_secrets_exceeded: an account has ${MAX_SECRETS} secrets at most. Delete one before you add another.`,
  );

export const secretNameExists = (name: string) =>
  refuse(
    400,
    1003,
    `secret_name_already_exists: ${name}. Choose another name, or change that secret (\`wrangler secrets-store secret update\`).`,
  );

export const invalidSecretName = (name: string) =>
  name === ""
    ? refuse(400, 1001, "secret_name_empty: a secret needs a name.")
    : refuse(
        400,
        1001,
        `secret_name_invalid: ${quoted(name)} is not a name of a secret. It has up to 255 letters, digits and signs, and no spaces.`,
      );

export const invalidScope = (scope: string) =>
  refuse(400, 1001, `secret_scope_invalid: ${quoted(scope)} is no scope. There are ${SCOPES.join(", ")}.`);

export const noScopes = () =>
  refuse(400, 1001, `secret_scopes_empty: a secret needs at least one scope, such as "workers".`);

export const invalidValue = (bytes: number) =>
  bytes === 0
    ? refuse(400, 1001, "secret_value_empty: a secret needs a value.")
    : refuse(
        400,
        1001,
        `secret_value_too_large: the value has ${bytes} bytes; at most ${MAX_VALUE_BYTES} are allowed. Larger ones belong into KV or R2.`,
      );

export const invalidComment = () =>
  refuse(400, 1001, `secret_comment_too_long: a comment has at most ${MAX_COMMENT_CHARS} characters.`);

export const invalidBody = (what: string) => refuse(400, 1001, `invalid_json_body: ${what}`);
