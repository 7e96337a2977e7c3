import type { Kysely } from "kysely";
import { ApiError, route } from "../lib/api.ts";
import { pageResult, readPage } from "../lib/paging.ts";
import type { ApiRoute, Platform } from "../store/platform.ts";
import type { AuditEventRow, Database } from "../store/schema.ts";

/** Writes the audit trail of {@link Platform.audit}. */
export function auditTrail(db: Kysely<Database>): Platform["audit"] {
  return async ({ accountId, actor, action, target, detail }) => {
    await db
      .insertInto("audit_events")
      .values({
        account_id: accountId,
        at: new Date().toISOString(),
        token_id: actor.tokenId,
        actor: actor.email,
        action,
        target,
        detail_json: JSON.stringify(detail ?? {}),
      })
      .execute();
  };
}

/** Reads the trail, newest first unless `direction=asc`; `since` and `before` bound the time. */
export const auditRoutes: ApiRoute[] = [
  route<Platform>({
    method: "GET",
    path: "/accounts/:account/audit_logs",
    scope: "admin",
    summary: "Who changed what",
    handle: async ({ platform, accountId, query }) => {
      const page = readPage(query, { default: 100, max: 1000 });
      const since = time(query, "since");
      const before = time(query, "before");
      const events = platform.db
        .selectFrom("audit_events")
        .where("account_id", "=", accountId)
        .$if(since !== undefined, (select) => select.where("at", ">=", since ?? ""))
        .$if(before !== undefined, (select) => select.where("at", "<", before ?? ""));
      const rows = await events
        .selectAll()
        .orderBy("id", query.get("direction") === "asc" ? "asc" : "desc")
        .limit(page.size)
        .offset(page.offset)
        .execute();
      const { count } = await events
        .select((select) => select.fn.countAll<number>().as("count"))
        .executeTakeFirstOrThrow();
      return pageResult(page, rows.map(shown), Number(count));
    },
  }),
];

/** The original's shape of an audit log entry. */
function shown(row: Omit<AuditEventRow, "id"> & { id: number }): Record<string, unknown> {
  return {
    id: String(row.id),
    when: row.at,
    actor: { id: row.token_id, email: row.actor, type: "user" },
    action: { type: row.action, result: true },
    resource: { type: row.action.split(".")[0], id: row.target },
    metadata: JSON.parse(row.detail_json),
    owner: { id: row.account_id },
  };
}

function time(query: URLSearchParams, name: string): string | undefined {
  const text = query.get(name);
  if (!text) return undefined;
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) {
    const message = `Query parameter "${name}" is "${text.slice(0, 40)}". Give a time such as 2026-01-31T12:00:00Z.`;
    throw new ApiError(400, { code: 10026, message });
  }
  return date.toISOString();
}
