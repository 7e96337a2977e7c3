import { z } from "zod";
import { type ApiRequest, ApiResult, route } from "../../lib/api.ts";
import { pageResult, readPage } from "../../lib/paging.ts";
import type { ApiRoute, Platform } from "../../store/platform.ts";
import type { D1DatabaseRow } from "../../store/schema.ts";
import { type Transfer, verifyAddress } from "./api-address.ts";
import { callDatabase, type DatabaseKey } from "./api-call.ts";
import { Jobs } from "./api-jobs.ts";
import { PAGE_SIZES } from "./api-limits.ts";
import { presentArrays, presentDatabase, presentDetails, presentObjects } from "./api-present.ts";
import { QueryBody, runQuery } from "./api-query.ts";
import { ExportBody, exportStep, sendExport } from "./export.ts";
import { answerGraphql, GraphqlBody } from "./graphql.ts";
import { ImportBody, importStep, receiveImport } from "./import.ts";
import type { D1Rows } from "./operations.ts";
import { changeSettings, createDatabase, deleteDatabase, listDatabases, requireDatabase } from "./store.ts";
import { bookmarkAt, type DatedDatabase, restore } from "./time-travel.ts";

const list = "/accounts/:account/d1/database";
const one = `${list}/:database`;

const ReadReplication = z.object({ mode: z.enum(["auto", "disabled"]) });
const Creation = z.object({
  name: z.string(),
  primary_location_hint: z.string().max(64).nullish(),
  jurisdiction: z.enum(["eu", "us", "fedramp"]).nullish(),
  read_replication: ReadReplication.nullish(),
});
const Update = z.object({ read_replication: ReadReplication.optional() });

/** Imports and exports of this process. */
const jobs = new Jobs();

/** D1 databases, as wrangler and the SDK manage them (`wrangler-api.md` 5.4). */
export const d1Routes: ApiRoute[] = [
  route<Platform, z.infer<typeof Creation>>({
    method: "POST",
    path: list,
    scope: "edit",
    summary: "Create a D1 database",
    body: Creation,
    handle: async ({ platform, accountId, body }) => {
      const row = await createDatabase(platform, accountId, body.name, {
        readReplication: body.read_replication?.mode ?? "disabled",
        ...(body.primary_location_hint && { locationHint: body.primary_location_hint }),
        ...(body.jurisdiction && { jurisdiction: body.jurisdiction }),
      });
      return presentDetails(row, { fileBytes: 0, tables: 0 });
    },
  }),
  route<Platform>({
    method: "GET",
    path: list,
    scope: "read",
    summary: "List D1 databases, newest first; `name` filters by a part of the name",
    handle: async ({ platform, accountId, query }) => {
      const page = readPage(query, PAGE_SIZES);
      const { rows, total } = await listDatabases(platform, accountId, page, query.get("name") ?? "");
      return pageResult(page, rows.map(presentDatabase), total);
    },
  }),
  route<Platform>({
    method: "GET",
    path: one,
    scope: "read",
    summary: "Read a D1 database by id or name; `fields` names the wanted ones",
    handle: readOne,
  }),
  ...(["PUT", "PATCH"] as const).map((method) =>
    route<Platform, z.infer<typeof Update>>({
      method,
      path: one,
      scope: "edit",
      summary: "Change a D1 database's read replication mode",
      body: Update,
      handle: async (request) => {
        const { platform, body } = request;
        const row = await databaseOf(request);
        const mode = body.read_replication?.mode;
        const changed = mode ? await changeSettings(platform, row, { readReplication: mode }) : row;
        return presentDetails(changed, await infoOf(platform, changed));
      },
    }),
  ),
  route<Platform>({
    method: "DELETE",
    path: one,
    scope: "edit",
    summary: "Delete a D1 database with its data and its history",
    handle: async (request) => {
      const { platform } = request;
      const row = await databaseOf(request);
      // A host that does not answer has no file open that matters: the directory is out of its reach by now.
      await deleteDatabase(platform, row, () =>
        callDatabase(platform, keyOf(row), "close", {}).then(
          () => {},
          () => {},
        ),
      );
      return null;
    },
  }),
  queryRoute("query", "Run SQL; rows are objects", presentObjects),
  queryRoute("raw", "Run SQL; rows are arrays", presentArrays),
  route<Platform, ImportBody>({
    method: "POST",
    path: `${one}/import`,
    scope: "edit",
    summary: "Import SQL text from a file: init, ingest, poll",
    body: ImportBody,
    audited: false,
    handle: async (request) => {
      const row = await databaseOf(request);
      if (request.body.action === "ingest") await auditOf(request, "d1.import", row);
      return importStep(request.platform, jobs, keyOf(row), request.body, request.raw);
    },
  }),
  route<Platform>({
    method: "PUT",
    path: `${one}/import/:file`,
    scope: "none",
    summary: "Upload the file of an import, to the signed address that init gave",
    handle: async (request) => {
      const key = await addressed(request, "import");
      return receiveImport(request.platform, key, request.params.file ?? "", request.raw);
    },
  }),
  route<Platform, ExportBody>({
    method: "POST",
    path: `${one}/export`,
    scope: "read",
    summary: "Export as SQL text: start, and poll with current_bookmark",
    body: ExportBody,
    audited: false,
    handle: async (request) => {
      const row = await databaseOf(request);
      if (!request.body.current_bookmark) await auditOf(request, "d1.export", row);
      return exportStep(request.platform, jobs, keyOf(row), request.body, request.raw);
    },
  }),
  route<Platform>({
    method: "GET",
    path: `${one}/export/:file`,
    scope: "none",
    summary: "Download an export, from the signed address",
    handle: async (request) => {
      const key = await addressed(request, "export");
      return sendExport(request.platform, key, request.params.file ?? "");
    },
  }),
  route<Platform>({
    method: "GET",
    path: `${one}/time_travel/bookmark`,
    scope: "read",
    summary: "The bookmark of now, or of the time `timestamp`",
    handle: async (request) =>
      bookmarkAt(request.platform, keyOf(await databaseOf(request)), request.query.get("timestamp")),
  }),
  route<Platform>({
    method: "POST",
    path: `${one}/time_travel/restore`,
    scope: "edit",
    summary: "Put the database back to a `bookmark` or `timestamp`",
    handle: async (request) => restore(request.platform, keyOf(await databaseOf(request)), request.query),
  }),
  route<Platform, GraphqlBody>({
    method: "POST",
    path: "/graphql",
    scope: "read",
    summary: "Analytics as wrangler asks for them: costs of D1 statements; any other data set is empty",
    body: GraphqlBody,
    audited: false,
    handle: async ({ platform, actor, body }) => {
      const { account_id } = await platform.db
        .selectFrom("tokens")
        .select("account_id")
        .where("id", "=", actor.tokenId)
        .executeTakeFirstOrThrow();
      return Response.json(await answerGraphql(platform, account_id, body));
    },
  }),
];

function queryRoute(name: "query" | "raw", summary: string, present: (rows: D1Rows) => unknown): ApiRoute {
  return route<Platform, QueryBody>({
    method: "POST",
    path: `${one}/${name}`,
    scope: "edit",
    summary,
    body: QueryBody,
    audited: false,
    handle: async (request) => {
      const results = await runQuery(request.platform, keyOf(await databaseOf(request)), request.body);
      return new ApiResult(results.map(present));
    },
  });
}

async function readOne(request: ApiRequest<Platform, unknown>): Promise<Record<string, unknown>> {
  const row = await databaseOf(request);
  const fields = request.query
    .get("fields")
    ?.split(",")
    .map((field) => field.trim());
  const shown = fields?.every((field) => field in presentDatabase(row))
    ? presentDatabase(row)
    : presentDetails(row, await infoOf(request.platform, row));
  return fields ? Object.fromEntries(Object.entries(shown).filter(([field]) => fields.includes(field))) : shown;
}

function databaseOf({ platform, accountId, params }: ApiRequest<Platform, unknown>): Promise<D1DatabaseRow> {
  return requireDatabase(platform, accountId, params.database ?? "");
}

function auditOf(
  { platform, actor }: ApiRequest<Platform, unknown>,
  action: string,
  row: D1DatabaseRow,
): Promise<void> {
  return platform.audit({ accountId: row.account_id, actor, action, target: row.name, detail: { database: row.id } });
}

/** The database of a signed address; nobody without the signature learns whether there is one. */
async function addressed(request: ApiRequest<Platform, unknown>, kind: Transfer["kind"]): Promise<DatabaseKey> {
  const { platform, accountId, params, query } = request;
  const { database: databaseId = "", file = "" } = params;
  verifyAddress(platform, { kind, accountId, databaseId, file }, query, Date.now());
  return keyOf(await databaseOf(request));
}

function keyOf(row: D1DatabaseRow): DatedDatabase {
  return { accountId: row.account_id, databaseId: row.id, createdMs: Date.parse(row.created_on) };
}

/** Size and tables; undefined when the host cannot say now, which is no reason to hide the database. */
function infoOf(platform: Platform, row: D1DatabaseRow) {
  return callDatabase(platform, keyOf(row), "info", {}).catch(() => undefined);
}
