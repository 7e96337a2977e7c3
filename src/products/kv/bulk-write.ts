/** Bulk writes over the API: checked as a whole, then stored in batches. */
import { z } from "zod";
import { parseJson } from "../../lib/parse-json.ts";
import { readBounded } from "../../lib/read-bounded.ts";
import type { Platform } from "../../store/platform.ts";
import type { KvNamespaceRow } from "../../store/schema.ts";
import type { BatchPair } from "./bulk.ts";
import { malformed, tooManyPairs } from "./errors.ts";
import { MAX_BATCH_BYTES, MAX_BULK_PAIRS, MAX_BULK_WRITE_BYTES, MAX_INLINE_BYTES } from "./limits.ts";
import { KvRefusal } from "./refusal.ts";
import { askStore, checked } from "./values.ts";
import { checkKey, checkMetadata, checkValueLength, METADATA_HEADER, readExpiration } from "./wire.ts";

const Pairs = z.array(
  z.object({
    key: z.string(),
    value: z.string(),
    expiration: z.number().nullish(),
    expiration_ttl: z.number().nullish(),
    metadata: z.json().optional(),
    base64: z.boolean().nullish(),
  }),
);

/** Keys are texts, or objects with a `name` as a list gives them. */
const Keys = z.array(z.union([z.string(), z.object({ name: z.string() }).transform(({ name }) => name)]));

interface Checked {
  pair: BatchPair;
  bytes: number;
}

/** Stores pairs; a pair that is wrong refuses all, before anything is stored. */
export async function bulkPut(platform: Platform, row: KvNamespaceRow, raw: Request): Promise<Record<string, unknown>> {
  const pairs = parse(Pairs, await readJson(raw));
  const all = await checked(() => pairs.map((pair, index) => check(pair, index)));
  for (const batch of batches(all.filter(({ bytes }) => bytes <= MAX_INLINE_BYTES))) {
    await post(platform, row, "/bulk/put", batch);
  }
  for (const { pair, bytes } of all) if (bytes > MAX_INLINE_BYTES) await putLarge(platform, row, pair);
  return { successful_key_count: all.length, unsuccessful_keys: [] };
}

/** Deletes keys; those that are not there are no error. */
export async function bulkDelete(
  platform: Platform,
  row: KvNamespaceRow,
  raw: Request,
): Promise<Record<string, unknown>> {
  const keys = parse(Keys, await readJson(raw));
  await checked(() => {
    for (const key of keys) checkKey(Buffer.from(key));
  });
  for (let at = 0; at < keys.length; at += 1000) {
    await post(platform, row, "/bulk/delete", keys.slice(at, at + 1000));
  }
  return { successful_key_count: keys.length, unsuccessful_keys: [] };
}

function check(pair: z.infer<typeof Pairs>[number], index: number): Checked {
  try {
    checkKey(Buffer.from(pair.key));
    const bytes = Buffer.byteLength(pair.value, pair.base64 ? "base64" : "utf8");
    checkValueLength(bytes);
    return {
      bytes,
      pair: {
        key: pair.key,
        value: pair.value,
        ...(pair.base64 && { base64: true }),
        expires: readExpiration(pair.expiration?.toString(), pair.expiration_ttl?.toString(), Date.now()),
        metadata:
          pair.metadata === undefined || pair.metadata === null ? null : checkMetadata(JSON.stringify(pair.metadata)),
      },
    };
  } catch (error) {
    if (error instanceof KvRefusal) throw new KvRefusal(error.status, `Entry ${index}: ${error.message}`);
    throw error;
  }
}

function* batches(all: Checked[]): Generator<BatchPair[]> {
  let batch: BatchPair[] = [];
  let size = 0;
  for (const { pair, bytes } of all) {
    if (size + bytes > MAX_BATCH_BYTES / 2 || batch.length === 1000) {
      yield batch;
      batch = [];
      size = 0;
    }
    batch.push(pair);
    size += bytes + 1024;
  }
  if (batch.length > 0) yield batch;
}

async function putLarge(platform: Platform, row: KvNamespaceRow, pair: BatchPair): Promise<void> {
  const { key, value, base64, expires, metadata } = pair;
  const query = `?urlencoded=true${expires === null ? "" : `&expiration=${expires}`}`;
  const reply = await askStore(platform, row, `/${encodeURIComponent(key)}${query}`, {
    method: "PUT",
    body: Buffer.from(value, base64 ? "base64" : "utf8"),
    ...(metadata !== null && { headers: { [METADATA_HEADER]: Buffer.from(metadata).toString("latin1") } }),
  });
  reply.body.resume();
}

async function post(platform: Platform, row: KvNamespaceRow, path: string, entries: unknown[]): Promise<void> {
  const reply = await askStore(platform, row, path, { method: "POST", body: JSON.stringify(entries) });
  reply.body.resume();
}

function parse<Entry>(schema: z.ZodType<Entry[]>, value: unknown): Entry[] {
  if (Array.isArray(value) && value.length > MAX_BULK_PAIRS) throw tooManyPairs(value.length);
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [first] = parsed.error.issues;
  throw malformed(`"${first?.path.join(".") ?? ""}": ${first?.message ?? "not what it should be"}.`);
}

async function readJson(raw: Request): Promise<unknown> {
  const body = await readBounded(raw, MAX_BULK_WRITE_BYTES);
  if (!body) throw malformed(`it is larger than ${MAX_BULK_WRITE_BYTES} bytes.`);
  try {
    return parseJson(body.toString());
  } catch (error) {
    throw malformed(error instanceof Error ? error.message : "not JSON.");
  }
}
