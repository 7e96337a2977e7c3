import { z } from "zod";
import { type ApiRequest, ApiResult, route } from "../../lib/api.ts";
import { pageResult, readPage } from "../../lib/paging.ts";
import { parseJson } from "../../lib/parse-json.ts";
import { readBounded } from "../../lib/read-bounded.ts";
import type { ApiRoute, Platform } from "../../store/platform.ts";
import type { SecretsStoreRow, StoreSecretRow } from "../../store/schema.ts";
import {
  invalidBody,
  invalidComment,
  invalidScope,
  invalidSecretName,
  invalidStoreName,
  invalidValue,
  noScopes,
} from "./errors.ts";
import {
  MAX_COMMENT_CHARS,
  MAX_DELETE_BYTES,
  MAX_SECRETS,
  MAX_STORE_NAME_CHARS,
  MAX_VALUE_BYTES,
  SCOPES,
  SECRET_NAME,
} from "./limits.ts";
import {
  changeSecret,
  countSecrets,
  createSecrets,
  createStore,
  deleteSecrets,
  deleteStore,
  requireSecret,
  requireStore,
  secretsOf,
} from "./registry.ts";

const base = "/accounts/:account/secrets_store";
const stores = `${base}/stores`;
const store = `${stores}/:store`;
const secrets = `${store}/secrets`;
const secret = `${secrets}/:secret`;

const StoreBody = z.object({ name: z.string() });
/** Earlier clients send, and read, a list of one. */
const StoreBodies = z.union([StoreBody, z.array(StoreBody).length(1)]);

const Text = z.string().nullish();
const SecretBody = z.object({ name: z.string(), value: z.string(), scopes: z.array(z.string()), comment: Text });
const SecretChangeBody = z.object({ value: Text, scopes: z.array(z.string()).nullish(), comment: Text });
const DuplicateBody = z.object({ name: z.string(), scopes: z.array(z.string()), comment: Text });

type Request = ApiRequest<Platform, unknown>;

/**
 * Stores and secrets, as wrangler and the SDK manage them (`wrangler-api.md` 6). Values never leave by the API. Only an admin
 * changes secrets; who may deploy may bind them.
 */
export const secretsStoreRoutes: ApiRoute[] = [
  route<Platform, z.infer<typeof StoreBodies>>({
    method: "POST",
    path: stores,
    scope: "admin",
    summary: "Create a store",
    body: StoreBodies,
    handle: async ({ platform, accountId, body }) => {
      const { name } = Array.isArray(body) ? (body[0] as { name: string }) : body;
      if (name === "" || name.length > MAX_STORE_NAME_CHARS) throw invalidStoreName();
      const made = presentStore(await createStore(platform, accountId, name));
      return Array.isArray(body) ? [made] : made;
    },
  }),
  route<Platform>({
    method: "GET",
    path: stores,
    scope: "read",
    summary: "List stores; `order` is name, created or modified",
    handle: async ({ platform, accountId, query }) => {
      const rows = await platform.db
        .selectFrom("secrets_stores")
        .selectAll()
        .where("account_id", "=", accountId)
        .execute();
      return listed(query, rows.map(presentStore));
    },
  }),
  route<Platform>({
    method: "GET",
    path: store,
    scope: "read",
    summary: "Read a store",
    handle: async (request) => presentStore(await storeOf(request)),
  }),
  route<Platform>({
    method: "DELETE",
    path: store,
    scope: "admin",
    summary: "Delete a store; one with secrets only with `force=true`",
    handle: async (request) => {
      await deleteStore(request.platform, await storeOf(request), request.query.get("force") === "true");
      return null;
    },
  }),
  route<Platform>({
    method: "GET",
    path: secrets,
    scope: "read",
    summary: "List secrets, without values; `search`, `scopes`, `order`, `direction`",
    handle: listSecrets,
  }),
  route<Platform, z.infer<typeof SecretBody>[]>({
    method: "POST",
    path: secrets,
    scope: "admin",
    summary: "Create secrets: a list, all or none",
    body: z.array(SecretBody).min(1).max(MAX_SECRETS),
    handle: async (request) => {
      const { platform, body } = request;
      const row = await storeOf(request);
      const wanted = body.map(({ name, value, scopes, comment }) => ({
        name: checkedName(name),
        sealed: seal(platform, value),
        scopes: checkedScopes(scopes),
        comment: checkedComment(comment ?? ""),
      }));
      return new ApiResult((await createSecrets(platform, row, wanted)).map(presentSecret));
    },
  }),
  route<Platform>({
    method: "DELETE",
    path: secrets,
    scope: "admin",
    summary: "Delete several secrets: a list of `{ id }`",
    handle: async (request) => {
      const { platform, raw } = request;
      const row = await storeOf(request);
      const body = z
        .array(z.object({ id: z.string() }))
        .min(1)
        .max(MAX_SECRETS)
        .safeParse(parsed(await readBounded(raw, MAX_DELETE_BYTES)));
      if (!body.success) throw invalidBody("send the secrets to delete as a list of objects with an id.");
      const rows = await Promise.all(body.data.map(({ id }) => requireSecret(platform, row, id)));
      await deleteSecrets(platform, row, rows);
      return null;
    },
  }),
  route<Platform>({
    method: "GET",
    path: secret,
    scope: "read",
    summary: "Read a secret, without its value",
    handle: async (request) => presentSecret(await secretOf(request)),
  }),
  route<Platform, z.infer<typeof SecretChangeBody>>({
    method: "PATCH",
    path: secret,
    scope: "admin",
    summary: "Change value, scopes or comment; running Workers read the new value at once",
    body: SecretChangeBody,
    handle: async (request) => {
      const { platform, body } = request;
      const row = await secretOf(request);
      const { value, scopes, comment } = body;
      return presentSecret(
        await changeSecret(platform, row, {
          sealed: value == null ? undefined : seal(platform, value),
          scopes: scopes == null ? undefined : checkedScopes(scopes),
          comment: comment == null ? undefined : checkedComment(comment),
        }),
      );
    },
  }),
  route<Platform>({
    method: "DELETE",
    path: secret,
    scope: "admin",
    summary: "Delete a secret; Workers that are bound to it get an exception from then on",
    handle: async (request) => {
      await deleteSecrets(request.platform, await storeOf(request), [await secretOf(request)]);
      return null;
    },
  }),
  route<Platform, z.infer<typeof DuplicateBody>>({
    method: "POST",
    path: `${secret}/duplicate`,
    scope: "admin",
    summary: "Make another secret with the same value",
    body: DuplicateBody,
    handle: async (request) => {
      const { platform, body } = request;
      const { name, scopes, comment } = body;
      const { sealed } = await secretOf(request);
      const wanted = {
        name: checkedName(name),
        sealed,
        scopes: checkedScopes(scopes),
        comment: checkedComment(comment ?? ""),
      };
      const [made] = await createSecrets(platform, await storeOf(request), [wanted]);
      return presentSecret(made as StoreSecretRow);
    },
  }),
  route<Platform>({
    method: "GET",
    path: `${base}/quota`,
    scope: "read",
    summary: "Count the account's secrets",
    handle: async ({ platform, accountId }) => ({
      secrets: { quota: MAX_SECRETS, usage: await countSecrets(platform, accountId) },
    }),
  }),
];

async function listSecrets(request: Request): Promise<ApiResult> {
  const { platform, query } = request;
  const rows = (await secretsOf(platform.db, await storeOf(request))).map(presentSecret);
  const search = query.get("search")?.toLowerCase() ?? "";
  // The SDK says `scopes[]`, others once with commas.
  const scopes = [...query.getAll("scopes"), ...query.getAll("scopes[]")]
    .flatMap((text) => text.split(","))
    .filter(Boolean);
  return listed(
    query,
    rows.filter(
      (row) =>
        `${row.name}\n${row.comment}`.toLowerCase().includes(search) &&
        scopes.every((scope) => row.scopes.includes(scope)),
    ),
  );
}

/** A page of rows, which are few: 100 at most. */
function listed(query: URLSearchParams, rows: ReturnType<typeof presentStore>[]): ApiResult {
  const page = readPage(query, { default: 20, max: 100 });
  const order = query.get("order") ?? "created";
  const keyOf = (row: Record<string, unknown>) => String(Object.hasOwn(row, order) ? row[order] : row.created);
  const sorted = rows.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  if (query.get("direction") === "desc") sorted.reverse();
  return pageResult(page, sorted.slice(page.offset, page.offset + page.size), rows.length);
}

function storeOf({ platform, accountId, params }: Request): Promise<SecretsStoreRow> {
  return requireStore(platform, accountId, params.store ?? "");
}

async function secretOf(request: Request): Promise<StoreSecretRow> {
  return requireSecret(request.platform, await storeOf(request), request.params.secret ?? "");
}

function presentStore({ id, account_id, name, created_on, modified_on }: SecretsStoreRow) {
  return { id, account_id, name, created: created_on, modified: modified_on };
}

function presentSecret({
  id,
  account_id,
  store_id,
  name,
  comment,
  scopes_json,
  created_on,
  modified_on,
}: StoreSecretRow) {
  return {
    id,
    account_id,
    store_id,
    name,
    comment,
    scopes: JSON.parse(scopes_json) as string[],
    // There are no other places that it would have to reach first.
    status: "active",
    created: created_on,
    modified: modified_on,
  };
}

/** Undefined for what is no JSON, and for what is too large for any list. */
function parsed(body: Buffer | undefined): unknown {
  try {
    return parseJson(String(body));
  } catch {
    return undefined;
  }
}

function seal({ seal }: Platform, value: string): string {
  const bytes = Buffer.byteLength(value);
  if (bytes === 0 || bytes > MAX_VALUE_BYTES) throw invalidValue(bytes);
  return seal(value).sealed;
}

function checkedName(name: string): string {
  if (!SECRET_NAME.test(name)) throw invalidSecretName(name);
  return name;
}

function checkedScopes(scopes: string[]): string[] {
  if (scopes.length === 0) throw noScopes();
  const unknown = scopes.find((scope) => !SCOPES.some((known) => known === scope));
  if (unknown !== undefined) throw invalidScope(unknown);
  return [...new Set(scopes)];
}

function checkedComment(comment: string): string {
  if (comment.length > MAX_COMMENT_CHARS) throw invalidComment();
  return comment;
}
