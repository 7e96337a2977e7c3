/** Requests as the runtime's KV binding writes them (`workerd-bindings.md` 4.1), read and checked. */

import {
  MAX_KEY_BYTES,
  MAX_LIST_KEYS,
  MAX_METADATA_BYTES,
  MAX_VALUE_BYTES,
  MIN_CACHE_TTL_S,
  MIN_TTL_S,
} from "./limits.ts";
import type { KvAttributes } from "./namespace.ts";
import { KvRefusal } from "./refusal.ts";

/** Header of a value's metadata, both ways: JSON, as UTF-8 bytes. */
export const METADATA_HEADER = "cf-kv-metadata";
export const EXPIRATION_HEADER = "cf-expiration";

/** The query of a read without options. */
const PLAIN = "urlencoded=true";

/** The key in a path without its first slash. */
export function readKey(path: string, query: string): Buffer {
  let key: Buffer;
  if (!path.includes("%") || (query !== PLAIN && !query.includes(PLAIN))) key = Buffer.from(path, "latin1");
  else {
    try {
      key = Buffer.from(decodeURIComponent(path));
    } catch {
      throw new KvRefusal(400, "Could not URL-decode the key name.");
    }
  }
  checkKey(key);
  return key;
}

export function checkKey(key: Uint8Array): void {
  if (key.length === 0) throw new KvRefusal(400, "Key names must not be empty.");
  if (key[0] === 0x2e && (key.length === 1 || (key.length === 2 && key[1] === 0x2e)))
    throw new KvRefusal(400, `Illegal key name "${Buffer.from(key)}". Please use a different name.`);
  if (key.length > MAX_KEY_BYTES) {
    throw new KvRefusal(414, `UTF-8 encoded length of ${key.length} exceeds key length limit of ${MAX_KEY_BYTES}.`);
  }
}

/** Checks the options of a read. `cache_ttl` has no effect: there is one copy, and it is near. */
export function checkRead(query: string): void {
  if (query === PLAIN || query === "") return;
  checkCacheTtl(new URLSearchParams(query).get("cache_ttl"));
}

export function checkCacheTtl(text: string | null | undefined): void {
  if (text === null || text === undefined) return;
  const seconds = Number(text);
  if (!Number.isInteger(seconds)) throw new KvRefusal(400, `Invalid cache_ttl of ${text}. Please specify an integer.`);
  if (seconds < MIN_CACHE_TTL_S) {
    throw new KvRefusal(400, `Invalid cache_ttl of ${text}. Cache TTL must be at least ${MIN_CACHE_TTL_S}.`);
  }
}

/** Options of a write. `metadata` is the header's value as it came: UTF-8 bytes, one a character. */
export function readAttributes(query: string, metadata: string | undefined, nowMs = Date.now()): KvAttributes {
  const params = query === PLAIN ? undefined : new URLSearchParams(query);
  return {
    expires: readExpiration(params?.get("expiration"), params?.get("expiration_ttl"), nowMs),
    metadata: metadata ? checkMetadata(Buffer.from(metadata, "latin1").toString()) : null,
  };
}

/** Of both, the time to live counts. */
export function readExpiration(
  expiration: string | null | undefined,
  ttl: string | null | undefined,
  nowMs: number,
): number | null {
  const now = Math.floor(nowMs / 1000);
  if (ttl !== null && ttl !== undefined) {
    const seconds = Number(ttl);
    if (!Number.isSafeInteger(seconds) || seconds <= 0) {
      throw new KvRefusal(400, `Invalid expiration_ttl of ${ttl}. Please specify integer greater than 0.`);
    }
    if (seconds < MIN_TTL_S) {
      throw new KvRefusal(400, `Invalid expiration_ttl of ${ttl}. Expiration TTL must be at least ${MIN_TTL_S}.`);
    }
    return now + seconds;
  }
  if (expiration === null || expiration === undefined) return null;
  const at = Number(expiration);
  if (!Number.isSafeInteger(at) || at <= now) {
    throw new KvRefusal(
      400,
      `Invalid expiration of ${expiration}. Please specify integer greater than the current number of seconds since the UNIX epoch.`,
    );
  }
  if (at < now + MIN_TTL_S) {
    throw new KvRefusal(
      400,
      `Invalid expiration of ${expiration}. Expiration times must be at least ${MIN_TTL_S} seconds in the future.`,
    );
  }
  return at;
}

/** Checks metadata's JSON text. Returns it in one line, as a header can have it. */
export function checkMetadata(text: string): string {
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_METADATA_BYTES) {
    throw new KvRefusal(413, `Metadata length of ${bytes} exceeds limit of ${MAX_METADATA_BYTES}.`);
  }
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    throw new KvRefusal(400, "Metadata must be valid JSON.");
  }
}

export function checkValueLength(bytes: number): void {
  if (bytes > MAX_VALUE_BYTES) {
    throw new KvRefusal(413, `Value length of ${bytes} exceeds limit of ${MAX_VALUE_BYTES}.`);
  }
}

export interface ListRequest {
  prefix: Uint8Array;
  /** Where it begins. */
  from: Uint8Array;
  limit: number;
}

export function readList(query: string): ListRequest {
  const params = new URLSearchParams(query);
  const limit = params.get("key_count_limit");
  const count = limit === null ? MAX_LIST_KEYS : Number(limit);
  if (!Number.isInteger(count) || count < 1) {
    throw new KvRefusal(400, `Invalid key_count_limit of ${limit}. Please specify an integer greater than 0.`);
  }
  if (count > MAX_LIST_KEYS) {
    throw new KvRefusal(
      400,
      `Invalid key_count_limit of ${limit}. Please specify an integer less than ${MAX_LIST_KEYS}.`,
    );
  }
  const prefix = Buffer.from(params.get("prefix") ?? "");
  if (prefix.length > MAX_KEY_BYTES) {
    throw new KvRefusal(414, `UTF-8 encoded length of ${prefix.length} exceeds key length limit of ${MAX_KEY_BYTES}.`);
  }
  const cursor = params.get("cursor") ?? "";
  if (!/^[\w-]*$/.test(cursor)) throw new KvRefusal(400, "Invalid cursor. Use the one of the page before.");
  return { prefix, from: Buffer.from(cursor, "base64url"), limit: count };
}
