import { ApiError, type ApiResult, route, type Scope } from "../lib/api.ts";
import { pageResult, readPage } from "../lib/paging.ts";
import type { ApiRoute, Platform } from "../store/platform.ts";
import type { AccountRow } from "../store/schema.ts";

/** Who am I: the calls of `wrangler whoami` and of account selection (`wrangler-api.md` 1.4, 1.5). */
export const identityRoutes: ApiRoute[] = [
  route<Platform>({
    method: "GET",
    path: "/user",
    scope: "read",
    summary: "The token as a user",
    handle: ({ actor }) => ({
      id: actor.tokenId,
      email: actor.email,
      first_name: null,
      last_name: null,
      two_factor_authentication_enabled: false,
      suspended: false,
    }),
  }),

  route<Platform>({
    method: "GET",
    path: "/accounts",
    scope: "read",
    summary: "The accounts that the token may use",
    handle: async ({ platform, actor, query }) =>
      pageOf(query, [shownAccount(await accountOf(platform, actor.tokenId))]),
  }),

  route<Platform>({
    method: "GET",
    path: "/accounts/:account",
    scope: "read",
    summary: "One account",
    handle: async ({ platform, actor }) => shownAccount(await accountOf(platform, actor.tokenId)),
  }),

  route<Platform>({
    method: "GET",
    path: "/memberships",
    scope: "read",
    summary: "The accounts that the token may use, and as what",
    handle: async ({ platform, actor, query }) => {
      const account = await accountOf(platform, actor.tokenId);
      const membership = {
        id: account.id,
        status: "accepted",
        account: shownAccount(account),
        roles: [roles[actor.scope]],
      };
      return pageOf(query, [membership]);
    },
  }),
];

/** Role names that wrangler prints for a token's scope. */
const roles: Record<Scope, string> = { admin: "Administrator", edit: "Editor", read: "Read only" };

function shownAccount(row: AccountRow): Record<string, unknown> {
  return {
    id: row.id,
    name: row.name,
    type: "standard",
    created_on: row.created_on,
    settings: { enforce_twofactor: false },
  };
}

/** A token belongs to one account. */
async function accountOf(platform: Platform, tokenId: string): Promise<AccountRow> {
  const account = await platform.db
    .selectFrom("accounts")
    .innerJoin("tokens", "tokens.account_id", "accounts.id")
    .selectAll("accounts")
    .where("tokens.id", "=", tokenId)
    .executeTakeFirst();
  if (account) return account;
  throw new ApiError(404, {
    code: 7003,
    message: "The account of this token was deleted. Use a token of another account.",
  });
}

function pageOf(query: URLSearchParams, rows: unknown[]): ApiResult {
  const page = readPage(query);
  return pageResult(page, rows.slice(page.offset, page.offset + page.size), rows.length);
}
