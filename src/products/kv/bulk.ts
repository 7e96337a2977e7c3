/** Several keys at once: the binding's bulk read, and what the API's bulk calls come to. JSON both ways. */
import { close, read } from "node:fs";
import { promisify } from "node:util";
import { MAX_BULK_BYTES, MAX_BULK_KEYS, MAX_INLINE_BYTES } from "./limits.ts";
import type { KvNamespace } from "./namespace.ts";
import { KvRefusal } from "./refusal.ts";
import type { KvChange, KvRow } from "./rows.ts";
import { checkCacheTtl, checkKey } from "./wire.ts";

const readFile = promisify(read);

/** One pair of a batch, as the API's side has checked it. */
export interface BatchPair {
  key: string;
  value: string;
  base64?: boolean;
  expires: number | null;
  metadata: string | null;
}

/** Answers a bulk read with the JSON text of key to value. */
export async function bulkGet(namespace: KvNamespace, body: Buffer): Promise<string> {
  const { keys, type = "text", withMetadata = false, cacheTtl } = parse(body);
  if (!Array.isArray(keys) || !keys.every((key) => typeof key === "string")) {
    throw new KvRefusal(400, "The keys of a bulk read must be a list of texts.");
  }
  if (keys.length < 1) throw new KvRefusal(400, "You must request a minimum of 1 key");
  if (keys.length > MAX_BULK_KEYS) throw new KvRefusal(400, `You can request a maximum of ${MAX_BULK_KEYS} keys`);
  if (type !== "text" && type !== "json") {
    throw new KvRefusal(400, `"${type}" is not a valid type. Use "json" or "text"`);
  }
  checkCacheTtl(cacheTtl === undefined ? undefined : String(cacheTtl));
  const entries: string[] = [];
  let total = 0;
  for (const key of new Set(keys)) {
    const bytes = Buffer.from(key);
    checkKey(bytes);
    const row = await namespace.get(bytes);
    total += row?.size ?? 0;
    if (total > MAX_BULK_BYTES) {
      throw new KvRefusal(413, `Total size of request exceeds the limit of ${MAX_BULK_BYTES / 1024 / 1024}MB`);
    }
    const value = row === undefined ? "null" : jsonOf(await contentOf(namespace, row), type);
    const shown = withMetadata && row !== undefined ? `{"value":${value},"metadata":${row.metadata ?? "null"}}` : value;
    entries.push(`${JSON.stringify(key)}:${shown}`);
  }
  return `{${entries.join(",")}}`;
}

/** Puts a list of {@link BatchPair}, all or none. */
export async function bulkPut(namespace: KvNamespace, body: Buffer): Promise<void> {
  const changes = (JSON.parse(body.toString()) as BatchPair[]).map((pair): KvChange => {
    const key = Buffer.from(pair.key);
    checkKey(key);
    const value = Buffer.from(pair.value, pair.base64 ? "base64" : "utf8");
    if (value.length > MAX_INLINE_BYTES) throw new KvRefusal(413, "A value is too large for a batch.");
    return {
      key,
      row: { expires: pair.expires, metadata: pair.metadata, file: null, size: value.length, value },
    };
  });
  await namespace.write(changes);
}

/** Deletes a list of keys, all or none. */
export async function bulkDelete(namespace: KvNamespace, body: Buffer): Promise<void> {
  await namespace.delete((JSON.parse(body.toString()) as string[]).map((key) => Buffer.from(key)));
}

function parse(body: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body.toString());
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw new KvRefusal(400, "The body of a bulk read must be a JSON object.");
}

function jsonOf(content: Buffer, type: "text" | "json"): string {
  const text = content.toString();
  if (type === "text") return JSON.stringify(text);
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    throw new KvRefusal(400, "At least one of the requested keys corresponds to a non-json value");
  }
}

async function contentOf(namespace: KvNamespace, row: KvRow): Promise<Buffer> {
  if (row.file === null) return Buffer.from(row.value ?? []);
  const descriptor = namespace.files.open(row.file);
  try {
    const content = Buffer.allocUnsafeSlow(row.size);
    for (let at = 0; at < content.length; ) {
      const { bytesRead } = await readFile(descriptor, content, at, content.length - at, at);
      if (bytesRead === 0) throw new Error(`the file ${row.file} of a value is too short`);
      at += bytesRead;
    }
    return content;
  } finally {
    close(descriptor);
  }
}
