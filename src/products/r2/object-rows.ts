/** Objects and uploads as rows, and back. */
import { randomBytes } from "node:crypto";
import { invalidObjectName, metadataTooLarge } from "./errors.ts";
import { MAX_KEY_BYTES, MAX_METADATA_BYTES } from "./limits.ts";
import type { Attributes, HttpMetadata, R2Object, StorageClass, Upload } from "./model.ts";
import type { ObjectHead, ObjectRow, UploadRow } from "./rows.ts";

export function objectOf(key: string, head: ObjectHead): R2Object {
  return {
    key,
    version: head.version,
    size: head.size,
    etag: head.etag,
    uploaded: head.uploaded,
    storageClass: head.storageClass as StorageClass,
    http: parsed(head.http),
    custom: parsed(head.custom),
    checksums: parsed(head.checksums),
    ssecKeyMd5: head.ssecKeyMd5 ?? undefined,
    s3: head.s3 ?? undefined,
  };
}

export function uploadOf(row: UploadRow): Upload {
  return {
    id: row.id,
    key: textOf(row.key),
    created: row.created,
    storageClass: row.storageClass as StorageClass,
    http: parsed(row.http),
    custom: parsed(row.custom),
    ssecKeyMd5: row.ssecKeyMd5 ?? undefined,
    s3: row.s3 ?? undefined,
  };
}

/** The metadata of a new object or upload, checked. Error 10012. */
export function attributeColumns({ http, custom, s3 }: Attributes): Pick<ObjectRow, "http" | "custom" | "s3"> {
  let bytes = 0;
  for (const [name, value] of Object.entries(custom ?? {})) bytes += serializedBytes(name) + serializedBytes(value);
  if (bytes > MAX_METADATA_BYTES) throw metadataTooLarge();
  // The original's own bound is that of a request's headers.
  const headers = Object.values(http ?? {}).reduce<number>((sum, text) => sum + String(text).length, 0);
  if (headers > MAX_METADATA_BYTES) throw metadataTooLarge();
  return { http: textOrNull<HttpMetadata>(http), custom: textOrNull(custom), s3: s3 ?? null };
}

export function textOrNull<Value extends object>(value: Value | undefined): string | null {
  if (value === undefined) return null;
  const text = JSON.stringify(value);
  return text === "{}" ? null : text;
}

/** UTF-8 bytes of a key. Error 10020. */
export function keyBytes(key: string): Buffer {
  const bytes = Buffer.from(key);
  if (bytes.length === 0 || bytes.length > MAX_KEY_BYTES) throw invalidObjectName();
  return bytes;
}

export function textOf(key: Uint8Array): string {
  return Buffer.from(key.buffer as ArrayBuffer, key.byteOffset, key.byteLength).toString();
}

export function newVersion(): string {
  return randomBytes(16).toString("hex");
}

/** As the original counts: text beyond Latin-1 is kept in two bytes a character. */
function serializedBytes(text: string): number {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) >= 256) return text.length * 2;
  return text.length;
}

function parsed(json: string | null): Record<string, never> {
  return json === null ? {} : JSON.parse(json);
}
