import { z } from "zod";
import { type ApiRequest, ApiResult, route } from "../../lib/api.ts";
import { pageResult, readPage } from "../../lib/paging.ts";
import type { ApiRoute, Platform } from "../../store/platform.ts";
import type { KvNamespaceRow } from "../../store/schema.ts";
import { bulkDelete, bulkPut } from "./bulk-write.ts";
import { MAX_LIST_KEYS } from "./limits.ts";
import { createNamespace, deleteNamespace, listNamespaces, renameNamespace, requireNamespace } from "./registry.ts";
import { askStore, readMetadata, receiveValue, removeKey, sendValue, textOf } from "./values.ts";

const list = "/accounts/:account/storage/kv/namespaces";
const one = `${list}/:namespace`;
const value = `${one}/values/:key`;

const Title = z.object({ title: z.string(), jurisdiction: z.string().nullish() });

/** KV namespaces, keys and values, as wrangler and the SDK manage them (`wrangler-api.md` 5.2). */
export const kvRoutes: ApiRoute[] = [
  route<Platform, z.infer<typeof Title>>({
    method: "POST",
    path: list,
    scope: "edit",
    summary: "Create a KV namespace",
    body: Title,
    handle: async ({ platform, accountId, body }) => present(await createNamespace(platform, accountId, body.title)),
  }),
  route<Platform>({
    method: "GET",
    path: list,
    scope: "read",
    summary: "List KV namespaces; `order` is id or title",
    handle: async ({ platform, accountId, query }) => {
      const page = readPage(query, { default: 20, max: 1000 });
      const { rows, total } = await listNamespaces(platform, accountId, page, {
        by: query.get("order") === "id" ? "id" : "title",
        direction: query.get("direction") === "desc" ? "desc" : "asc",
      });
      return pageResult(page, rows.map(present), total);
    },
  }),
  route<Platform>({
    method: "GET",
    path: one,
    scope: "read",
    summary: "Read a KV namespace",
    handle: async (request) => present(await namespaceOf(request)),
  }),
  route<Platform, z.infer<typeof Title>>({
    method: "PUT",
    path: one,
    scope: "edit",
    summary: "Rename a KV namespace",
    body: Title,
    handle: async (request) =>
      present(await renameNamespace(request.platform, await namespaceOf(request), request.body.title)),
  }),
  route<Platform>({
    method: "DELETE",
    path: one,
    scope: "edit",
    summary: "Delete a KV namespace with its keys",
    handle: async (request) => {
      const { platform } = request;
      const row = await namespaceOf(request);
      // A store that does not answer has nothing open by the time it does: the directory is out of its reach.
      await deleteNamespace(platform, row, () =>
        askStore(platform, row, "/close", { method: "POST" }).then(
          ({ body }) => void body.resume(),
          () => {},
        ),
      );
      return null;
    },
  }),
  route<Platform>({
    method: "GET",
    path: `${one}/keys`,
    scope: "read",
    summary: "List keys in the order of their bytes; `prefix`, `limit`, `cursor`",
    handle: listKeys,
  }),
  valueRoute("GET", "Read a value, as it is", sendValue),
  valueRoute(
    "PUT",
    "Write a value: the body, or a form with `value` and `metadata`; `expiration`, `expiration_ttl`",
    receiveValue,
  ),
  valueRoute("DELETE", "Delete a key", removeKey),
  route<Platform>({
    method: "GET",
    path: `${one}/metadata/:key`,
    scope: "read",
    summary: "Read the metadata of a key",
    handle: async (request) => readMetadata(request, await namespaceOf(request)),
  }),
  route<Platform>({
    method: "PUT",
    path: `${one}/bulk`,
    scope: "edit",
    summary: "Write up to 10,000 pairs",
    handle: async (request) => bulkPut(request.platform, await namespaceOf(request), request.raw),
  }),
  ...(
    [
      ["DELETE", `${one}/bulk`],
      ["POST", `${one}/bulk/delete`],
    ] as const
  ).map(([method, path]) =>
    route<Platform>({
      method,
      path,
      scope: "edit",
      summary: "Delete up to 10,000 keys",
      handle: async (request) => bulkDelete(request.platform, await namespaceOf(request), request.raw),
    }),
  ),
  route<Platform, Record<string, unknown>>({
    method: "POST",
    path: `${one}/bulk/get`,
    scope: "read",
    summary: "Read up to 100 values of text or JSON; `type`, `withMetadata`",
    body: z.record(z.string(), z.unknown()),
    audited: false,
    handle: async ({ platform, body, ...request }) => {
      const row = await namespaceOf({ platform, body, ...request });
      const reply = await askStore(platform, row, "/bulk/get", { method: "POST", body: JSON.stringify(body) });
      return { values: JSON.parse(await textOf(reply)) };
    },
  }),
];

function valueRoute(
  method: "GET" | "PUT" | "DELETE",
  summary: string,
  handle: (request: ApiRequest<Platform, unknown>, row: KvNamespaceRow) => unknown,
): ApiRoute {
  return route<Platform>({
    method,
    path: value,
    scope: method === "GET" ? "read" : "edit",
    summary,
    // Data, as rows of a database are: there may be thousands a minute.
    audited: false,
    handle: async (request) => handle(request, await namespaceOf(request)),
  });
}

async function listKeys(request: ApiRequest<Platform, unknown>): Promise<ApiResult> {
  const { platform, query } = request;
  const row = await namespaceOf(request);
  const options = new URLSearchParams({ key_count_limit: query.get("limit") || String(MAX_LIST_KEYS) });
  for (const name of ["prefix", "cursor"]) options.set(name, query.get(name) ?? "");
  const page = JSON.parse(await textOf(await askStore(platform, row, `/?${options}`))) as {
    keys: unknown[];
    cursor?: string;
  };
  return new ApiResult(page.keys, { resultInfo: { count: page.keys.length, cursor: page.cursor ?? "" } });
}

function namespaceOf({ platform, accountId, params }: ApiRequest<Platform, unknown>): Promise<KvNamespaceRow> {
  return requireNamespace(platform, accountId, params.namespace ?? "");
}

function present({ id, title }: KvNamespaceRow): Record<string, unknown> {
  return { id, title, supports_url_encoding: true };
}
