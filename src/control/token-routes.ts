import { z } from "zod";
import { ApiError, ApiResult, route } from "../lib/api.ts";
import { pageResult, readPage } from "../lib/paging.ts";
import type { ApiRoute, Platform } from "../store/platform.ts";
import { authorize } from "./auth.ts";
import { refuse } from "./errors.ts";
import type { Token, Tokens } from "./tokens.ts";

/** Live tokens of one account; enough for every person and pipeline, few enough to survey. */
const MAX_TOKENS = 1000;

const newToken = z.object({
  name: z.string().trim().min(1).max(120),
  scope: z.enum(["admin", "edit", "read"]),
});

/** API tokens: the one that calls, and those of an account. */
export function tokenRoutes(tokens: Tokens): ApiRoute[] {
  return [
    route<Platform>({
      method: "GET",
      path: "/user/tokens/verify",
      // It looks for itself: a bad token is answered otherwise than elsewhere.
      scope: "none",
      summary: "Says whether the token is good",
      handle: async ({ raw }) => {
        const { id } = await authorize(tokens, raw.headers, "read", { badToken: refuse.badTokenToVerify });
        return new ApiResult({ id, status: "active" }, { messages: ["This API Token is valid and active"] });
      },
    }),

    route<Platform>({
      method: "GET",
      path: "/accounts/:account/tokens",
      scope: "admin",
      summary: "Lists the live tokens, newest first",
      handle: async ({ platform, accountId, query }) => {
        const page = readPage(query);
        const rows = await platform.db
          .selectFrom("tokens")
          .select(["id", "name", "scope", "created_on"])
          .where("account_id", "=", accountId)
          .where("revoked_on", "is", null)
          .orderBy("created_on", "desc")
          .orderBy("id")
          .limit(page.size)
          .offset(page.offset)
          .execute();
        const shown = rows.map(({ created_on, ...row }) => ({ ...row, status: "active", issued_on: created_on }));
        return pageResult(page, shown, await countLive(platform, accountId));
      },
    }),

    route<Platform, z.infer<typeof newToken>>({
      method: "POST",
      path: "/accounts/:account/tokens",
      scope: "admin",
      summary: "Makes a token; `value` is shown this once",
      body: newToken,
      handle: async ({ platform, actor, accountId, body }) => {
        if ((await countLive(platform, accountId)) >= MAX_TOKENS) {
          const message = `This account has ${MAX_TOKENS} tokens, which is the most. Revoke some that are not used.`;
          throw new ApiError(400, { code: 10026, message });
        }
        const { token, text } = await tokens.create({ accountId, ...body });
        await platform.audit({ accountId, actor, action: "token.create", target: token.id, detail: { ...body } });
        return { ...shown(token), value: text };
      },
    }),

    route<Platform>({
      method: "DELETE",
      path: "/accounts/:account/tokens/:token",
      scope: "admin",
      summary: "Revokes a token at once",
      handle: async ({ platform, actor, accountId, params }) => {
        const id = params.token ?? "";
        if (!(await tokens.revoke(accountId, id))) {
          const message = `There is no live token ${id.slice(0, 64)} in this account. \`freehold token list\` shows those there are.`;
          throw new ApiError(404, { code: 7003, message });
        }
        await platform.audit({ accountId, actor, action: "token.revoke", target: id });
        return { id };
      },
    }),
  ];
}

function shown(token: Token): Record<string, unknown> {
  return { id: token.id, name: token.name, scope: token.scope, status: "active", issued_on: token.createdOn };
}

async function countLive(platform: Platform, accountId: string): Promise<number> {
  const { count } = await platform.db
    .selectFrom("tokens")
    .select((select) => select.fn.countAll<number>().as("count"))
    .where("account_id", "=", accountId)
    .where("revoked_on", "is", null)
    .executeTakeFirstOrThrow();
  return Number(count);
}
