import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { parseEnv } from "node:util";
import type { Kysely } from "kysely";
import { apiUrl, type Config, ConfigError } from "../domain/config.ts";
import { paths } from "../domain/paths.ts";
import { writeDurably } from "../lib/durable-file.ts";
import { createMasterKey, loadMasterKey } from "../lib/seal.ts";
import type { AccountRow, Database } from "../store/schema.ts";
import type { Tokens } from "./tokens.ts";

/** What every start makes sure of, beyond the database's tables. */
export interface Foundation {
  masterKey: Buffer;
  account: AccountRow;
}

/** Makes the master key, the first account and the clients' environment file, as far as they are missing. */
export async function bootstrap(config: Config, db: Kysely<Database>, tokens: Tokens): Promise<Foundation> {
  const files = paths(config);
  const first = await firstAccount(db);
  const masterKey = first ? presentKey(files.masterKey) : createMasterKey(files.masterKey);
  const account = first ?? (await createAccount(db));
  await writeClientEnvironment(config, files.wranglerEnv, account, tokens);
  return { masterKey, account };
}

/** A new key next to old data would make every secret in it unreadable, and nobody would know why. */
function presentKey(path: string): Buffer {
  if (existsSync(path)) return loadMasterKey(path);
  throw new ConfigError(
    `${path} is missing, and the database holds secrets that only it opens. Restore it from a backup; to start anew, use an empty data directory.`,
  );
}

function firstAccount(db: Kysely<Database>): Promise<AccountRow | undefined> {
  return db.selectFrom("accounts").selectAll().orderBy("created_on").limit(1).executeTakeFirst();
}

async function createAccount(db: Kysely<Database>): Promise<AccountRow> {
  const row: AccountRow = {
    id: randomBytes(16).toString("hex"),
    name: "Freehold",
    subdomain: "dev",
    created_on: new Date().toISOString(),
  };
  await db.insertInto("accounts").values(row).execute();
  return row;
}

/** Writes `wrangler.env` with a token that works: the one that is there, or a new one. */
async function writeClientEnvironment(
  config: Config,
  path: string,
  account: AccountRow,
  tokens: Tokens,
): Promise<void> {
  const present = await readFile(path, "utf8").catch(() => "");
  const kept = parseEnv(present).CLOUDFLARE_API_TOKEN;
  const known = kept ? await tokens.find(kept) : undefined;
  const token =
    kept && known?.scope === "admin" && known.accountId === account.id
      ? kept
      : (await tokens.create({ accountId: account.id, name: "admin", scope: "admin" })).text;
  const lines = [
    `CLOUDFLARE_API_BASE_URL=${apiUrl(config)}`,
    `CLOUDFLARE_API_TOKEN=${token}`,
    `CLOUDFLARE_ACCOUNT_ID=${account.id}`,
  ];
  const text = `${lines.join("\n")}\n`;
  if (text !== present) await writeDurably(path, text);
}
