import { z } from "zod";
import { paths } from "../../domain/paths.ts";
import { ApiError, type ApiRequest, ApiResult, route } from "../../lib/api.ts";
import { KeyedMutex } from "../../lib/keyed-mutex.ts";
import { pageResult, readPage } from "../../lib/paging.ts";
import type { ApiRoute, Platform } from "../../store/platform.ts";
import { badObjectId, namespaceNotFound, objectNotFound } from "./errors.ts";
import { inspectObject } from "./inspect-object.ts";
import type { RegisteredClass } from "./lifecycle.ts";
import { INSPECTED_ROWS, LISTED_OBJECTS, MAX_LISTED_OBJECTS, MAX_STATEMENT_BYTES } from "./limits.ts";
import { listObjects, measure, objectFile } from "./object-files.ts";
import { accountClasses, namespaceName } from "./registry.ts";

const namespaces = "/accounts/:account/workers/durable_objects/namespaces";
const namespace = `${namespaces}/:namespace`;
const object = `${namespace}/objects/:object`;

const QueryBody = z.object({
  sql: z.string().min(1).max(MAX_STATEMENT_BYTES),
  params: z
    .array(z.union([z.string(), z.number(), z.null()]))
    .max(100)
    .default([]),
});

/** One walk through a large directory at a time: they are read by the process that serves the API. */
const measuring = new KeyedMutex();

/** Durable Object namespaces, their objects, and what the objects have stored: read only. */
export const durableObjectRoutes: ApiRoute[] = [
  route<Platform>({
    method: "GET",
    path: namespaces,
    scope: "read",
    summary: "List the Durable Object namespaces",
    handle: async ({ platform, accountId, query }) => {
      const page = readPage(query);
      const all = await accountClasses(platform.db, accountId);
      return pageResult(page, all.slice(page.offset, page.offset + page.size).map(presentNamespace), all.length);
    },
  }),
  route<Platform>({
    method: "GET",
    path: namespace,
    scope: "read",
    summary: "Read a Durable Object namespace",
    handle: async (request) => ({ ...presentNamespace(await requireNamespace(request)), environment: "production" }),
  }),
  route<Platform>({
    method: "GET",
    path: `${namespace}/usage`,
    scope: "read",
    summary: "Objects and stored bytes of a Durable Object namespace",
    handle: async (request) => {
      const directory = await directoryOf(request);
      const { objects, bytes, complete } = await measuring.run("usage", () => measure(directory));
      return { objects, stored_bytes: bytes, complete };
    },
  }),
  route<Platform>({
    method: "GET",
    path: `${namespace}/objects`,
    scope: "read",
    summary: "List a namespace's Durable Objects that have stored something",
    handle: async (request) => {
      const limit = readLimit(request.query, LISTED_OBJECTS, MAX_LISTED_OBJECTS);
      const after = request.query.get("cursor") ?? "";
      const { objects, more } = await listObjects(await directoryOf(request), { after, limit });
      const last = objects.at(-1)?.id;
      const cursor = more && last !== undefined ? last : "";
      return new ApiResult(objects, {
        resultInfo: { count: objects.length, per_page: limit, cursor, cursors: { after: cursor } },
      });
    },
  }),
  route<Platform>({
    method: "GET",
    path: `${object}/keys`,
    scope: "read",
    summary: "Read what a Durable Object has in its key-value storage",
    handle: async (request) => {
      const rows = readLimit(request.query, 100, INSPECTED_ROWS);
      const prefix = request.query.get("prefix") ?? "";
      const after = request.query.get("cursor") ?? "";
      const { keys, cursor = "" } = await inspectObject(
        await fileOf(request),
        { kind: "keys", prefix, after },
        { rows },
      );
      const count = (keys as unknown[]).length;
      return new ApiResult(keys, { resultInfo: { count, per_page: rows, cursor, cursors: { after: cursor } } });
    },
  }),
  route<Platform, z.infer<typeof QueryBody>>({
    method: "POST",
    path: `${object}/query`,
    scope: "read",
    summary: "Query a Durable Object's SQL storage: SELECT only",
    body: QueryBody,
    handle: async (request) => inspectObject(await fileOf(request), { kind: "query", ...request.body }),
  }),
];

function presentNamespace({ namespaceId, className, scriptName, storage }: RegisteredClass): Record<string, unknown> {
  const use_sqlite = storage === "sqlite";
  return {
    id: namespaceId,
    name: namespaceName(scriptName, className),
    script: scriptName,
    class: className,
    use_sqlite,
    // The client reads this one (`wrangler-api.md` 2.13), the SDK the one above.
    useSqlite: use_sqlite,
  };
}

type Request = ApiRequest<Platform, unknown>;

async function requireNamespace({ platform, accountId, params }: Request): Promise<RegisteredClass> {
  const all = await accountClasses(platform.db, accountId);
  const found = all.find(({ namespaceId }) => namespaceId === params.namespace);
  if (!found) throw namespaceNotFound(params.namespace ?? "");
  return found;
}

/** The namespace's directory: from the registry, so that no path comes from the request. */
async function directoryOf(request: Request): Promise<string> {
  const { namespaceId } = await requireNamespace(request);
  return paths(request.platform.config).stateOf(namespaceId);
}

async function fileOf(request: Request): Promise<string> {
  const id = request.params.object ?? "";
  if (!/^[0-9a-f]{64}$/.test(id)) throw badObjectId(id);
  const file = await objectFile(await directoryOf(request), id);
  if (file === undefined) throw objectNotFound(id);
  return file;
}

function readLimit(query: URLSearchParams, fallback: number, max: number): number {
  const text = query.get("limit");
  if (!text) return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > max)
    throw new ApiError(400, { code: 10026, message: `"limit" must be a whole number from 1 to ${max}.` });
  return value;
}
