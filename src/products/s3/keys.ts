import { type Skip, soundRows } from "../../domain/publication.ts";
import { s3Limits } from "./limits.ts";
import { type Scope, signingKey } from "./signature.ts";

/** What an access key may do: of the account's buckets, or of what is in them. The names are the original's, as words. */
export const permissions = ["admin-read-write", "admin-read-only", "object-read-write", "object-read-only"] as const;

export type Permission = (typeof permissions)[number];

/** What an operation needs. */
export type Need = "list-buckets" | "read-settings" | "write-settings" | "read-objects" | "write-objects";

const granted: Record<Permission, readonly Need[]> = {
  "admin-read-write": ["list-buckets", "read-settings", "write-settings", "read-objects", "write-objects"],
  "admin-read-only": ["list-buckets", "read-settings", "read-objects"],
  "object-read-write": ["read-objects", "write-objects"],
  "object-read-only": ["read-objects"],
};

/** An access key as services publish it to themselves: a line of the keys file. */
export interface PublishedKey {
  id: string;
  accountId: string;
  permission: Permission;
  /** The only buckets it opens; absent: all of the account. */
  buckets?: string[];
  /** Its secret, under the master key. */
  sealed: string;
}

export interface AccessKey extends Omit<PublishedKey, "sealed" | "buckets"> {
  buckets: ReadonlySet<string> | undefined;
  secret: string;
}

/** Whether a key may do this; `bucket` is the one that it is done to, if any. */
export function mayDo(key: AccessKey, need: Need, bucket: string | undefined): boolean {
  if (!granted[key.permission].includes(need)) return false;
  return key.buckets === undefined || (bucket !== undefined && key.buckets.has(bucket));
}

/** The live access keys, by their ids, with what they have signed with lately. */
export class AccessKeys {
  #keys = new Map<string, AccessKey>();
  #signing = new Map<string, Buffer>();

  /** Accounts that have access keys. */
  accounts: readonly string[] = [];

  find(id: string): AccessKey | undefined {
    return this.#keys.get(id);
  }

  /** Replaces all keys: one that is not among the new ones, or cannot be opened, is good no more. */
  load(published: readonly PublishedKey[], unseal: (sealed: { sealed: string }) => string): void {
    this.#signing = new Map();
    const keyOf = ({ sealed, buckets, ...key }: PublishedKey): [string, AccessKey] => [
      key.id,
      { ...key, buckets: buckets && new Set(buckets), secret: unseal({ sealed }) },
    ];
    const skip: Skip = (what, error) => console.error(`${what} is not accepted:`, error);
    this.#keys = new Map(soundRows(published, keyOf, ({ id }) => `The access key ${id}`, skip));
    this.accounts = [...new Set([...this.#keys.values()].map(({ accountId }) => accountId))];
  }

  /** The key that signs within a scope: four hashes that are made once a day. */
  signingKey(key: AccessKey, scope: Scope): Buffer {
    const name = `${key.id}/${scope.date}/${scope.region}`;
    let found = this.#signing.get(name);
    if (found === undefined) {
      found = signingKey(key.secret, scope);
      if (this.#signing.size >= s3Limits.signingKeys) this.#signing.clear();
      this.#signing.set(name, found);
    }
    return found;
  }
}
