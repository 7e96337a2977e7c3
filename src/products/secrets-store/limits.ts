/** Numbers of the Secrets Store: `workers-semantics.md` 14, `wrangler-api.md` 9, and the SDK's own comments. */

/** Stores of an account. */
export const MAX_STORES = 1;
/** Secrets of an account. */
export const MAX_SECRETS = 100;
/** Of a value in UTF-8; the client refuses more by itself. */
export const MAX_VALUE_BYTES = 64 * 1024;
/** Services that a secret may be for. Here only Workers read secrets; the other names are kept as they are. */
export const SCOPES = ["workers", "ai_gateway", "dex", "access", "containers", "websearch"] as const;
/** What a Worker's binding needs. */
export const WORKERS_SCOPE = "workers";

// Own from here on.

/** The client allows letters, digits, dash and underscore; the API of the original says: no spaces. */
export const SECRET_NAME = /^[!-~]{1,255}$/;
export const MAX_STORE_NAME_CHARS = 255;
/** Of a list of secrets to delete. */
export const MAX_DELETE_BYTES = 64 * 1024;
export const MAX_COMMENT_CHARS = 1024;
