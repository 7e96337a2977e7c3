import { createHash, randomBytes, randomInt } from "node:crypto";
import type { Kysely } from "kysely";
import type { Scope } from "../lib/api.ts";
import type { Database, TokenRow } from "../store/schema.ts";

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** 43 characters of 62 hold 256 bits. */
const SECRET_LENGTH = 43;

/** Tokens kept in memory; a platform has tens of them. */
const MAX_CACHED = 1000;

/** A token as the rest of control sees it. */
export interface Token {
  id: string;
  accountId: string;
  name: string;
  scope: Scope;
  createdOn: string;
}

/**
 * API tokens: `fh_` and 43 letters and digits. Only their SHA-256 is stored; they are random enough
 * that neither a salt nor a slow hash adds anything, and a look-up by hash leaks no timing worth having.
 */
export class Tokens {
  readonly #db: Kysely<Database>;
  readonly #cache = new Map<string, Token>();
  /** Grows with each revocation, so that a look-up that began before it is not cached after it. */
  #revocations = 0;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** The live token with this text. */
  async find(text: string): Promise<Token | undefined> {
    const hash = hashOf(text);
    const cached = this.#cache.get(hash);
    if (cached) return cached;
    const revocations = this.#revocations;
    const row = await this.#db
      .selectFrom("tokens")
      .selectAll()
      .where("hash", "=", hash)
      .where("revoked_on", "is", null)
      .executeTakeFirst();
    if (!row) return undefined;
    const token = fromRow(row);
    if (revocations === this.#revocations) {
      if (this.#cache.size >= MAX_CACHED) this.#cache.clear();
      this.#cache.set(hash, token);
    }
    return token;
  }

  /** Makes a token. `text` is known only here and now. */
  async create(of: Pick<Token, "accountId" | "name" | "scope">): Promise<{ token: Token; text: string }> {
    const text = `fh_${Array.from({ length: SECRET_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join("")}`;
    const row: TokenRow = {
      id: randomBytes(16).toString("hex"),
      account_id: of.accountId,
      name: of.name,
      scope: of.scope,
      hash: hashOf(text),
      created_on: new Date().toISOString(),
      revoked_on: null,
    };
    await this.#db.insertInto("tokens").values(row).execute();
    return { token: fromRow(row), text };
  }

  /** Ends a token at once. False when the account has no such live token. */
  async revoke(accountId: string, id: string): Promise<boolean> {
    const { numUpdatedRows } = await this.#db
      .updateTable("tokens")
      .set({ revoked_on: new Date().toISOString() })
      .where("account_id", "=", accountId)
      .where("id", "=", id)
      .where("revoked_on", "is", null)
      .executeTakeFirst();
    this.#revocations++;
    this.#cache.clear();
    return numUpdatedRows > 0n;
  }
}

function fromRow(row: TokenRow): Token {
  return {
    id: row.id,
    accountId: row.account_id,
    name: row.name,
    scope: row.scope as Scope,
    createdOn: row.created_on,
  };
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
