import type { Actor, ApiError, Scope } from "../lib/api.ts";
import { refuse } from "./errors.ts";
import type { Token, Tokens } from "./tokens.ts";

/** A scope includes those with a lower rank. */
const rank: Record<Scope, number> = { read: 0, edit: 1, admin: 2 };

/**
 * Says who makes a request, or refuses it: 9106 without credentials, 10000 for a token that is
 * unknown, of another account (when `account` is given), or of too small a scope.
 */
export async function authorize(
  tokens: Tokens,
  headers: Headers,
  needs: Scope,
  { account, badToken = refuse.badToken }: { account?: string | undefined; badToken?: () => ApiError } = {},
): Promise<Token> {
  const text = credentials(headers);
  if (!text) throw refuse.missingCredentials();
  const token = await tokens.find(text);
  if (!token) throw badToken();
  if (account !== undefined && account !== token.accountId) throw refuse.wrongAccount(account, token.accountId);
  if (rank[token.scope] < rank[needs]) throw refuse.scopeTooSmall(token.scope, needs);
  return token;
}

/** The token as an author. Tokens have no mailbox: the address is its name at the platform's domain. */
export function actorOf(token: Token, domain: string): Actor {
  const name = token.name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
  return { tokenId: token.id, email: `${name || "token"}@${domain}`, scope: token.scope };
}

/** Older clients send their key as `X-Auth-Key` with `X-Auth-Email`; a token is accepted there too. */
function credentials(headers: Headers): string | undefined {
  const bearer = /^bearer +(\S+) *$/i.exec(headers.get("authorization") ?? "")?.[1];
  return bearer ?? headers.get("x-auth-key")?.trim() ?? undefined;
}
