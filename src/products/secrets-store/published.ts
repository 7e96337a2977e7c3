/**
 * Secrets where the services role finds them, so that Workers read them while control is away: a file for each, sealed as in
 * the database.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Sealed } from "../../domain/version.ts";
import { loadMasterKey, unseal } from "../../lib/seal.ts";
import { WORKERS_SCOPE } from "./limits.ts";

export interface PublishedSecret {
  name: string;
  scopes: string[];
  value: Sealed;
}

/** Which secret a binding means. */
export interface SecretReference {
  accountId: string;
  /** 32 hex digits. */
  storeId: string;
  secretName: string;
}

/** Names may differ in case alone, which not every file system sees, and have any sign: so the file has a digest for a name. */
export function secretPath(root: string, { accountId, storeId, secretName }: SecretReference): string {
  return join(root, accountId, storeId, `${createHash("sha256").update(secretName).digest("hex")}.json`);
}

/** Why a secret cannot be read, in the words that the Worker gets. */
export class SecretUnreadable extends Error {
  override name = "SecretUnreadable";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Reads secrets for Workers. Every read looks at the file, so that a change is what the next one sees. */
export class SecretReader {
  readonly #root: string;
  readonly #masterKeyPath: string;
  #masterKey: Buffer | undefined;

  constructor(root: string, masterKeyPath: string) {
    this.#root = root;
    this.#masterKeyPath = masterKeyPath;
  }

  /** The value in clear. Throws {@link SecretUnreadable}. */
  read(reference: SecretReference): string {
    const { name, scopes, value } = this.#find(reference);
    if (!scopes.includes(WORKERS_SCOPE)) {
      throw new SecretUnreadable(403, `Secret "${name}" is not for Workers: it lacks the scope "${WORKERS_SCOPE}"`);
    }
    this.#masterKey ??= loadMasterKey(this.#masterKeyPath);
    return unseal(this.#masterKey, value);
  }

  #find(reference: SecretReference): PublishedSecret {
    try {
      return JSON.parse(readFileSync(secretPath(this.#root, reference), "utf8")) as PublishedSecret;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      throw new SecretUnreadable(404, `Secret "${reference.secretName}" not found`);
    }
  }
}
