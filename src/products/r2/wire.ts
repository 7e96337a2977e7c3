/** Requests and answers as the runtime's R2 binding has them (`workerd-bindings.md` 4.2). */
import { isObject } from "../../lib/is-object.ts";
import { invalidArgument, invalidDigest } from "./errors.ts";
import type {
  Checksums,
  Conditions,
  EtagCondition,
  GetOptions,
  HashName,
  HttpMetadata,
  R2Object,
  RangeRequest,
  StorageClass,
} from "./model.ts";

/** Headers: of a request without a body, of one with a body and of answers, and of errors. */
export const REQUEST_HEADER = "cf-r2-request";
export const METADATA_SIZE_HEADER = "cf-r2-metadata-size";
export const ERROR_HEADER = "CF-R2-Error";

/** Numbers of 64 bits are texts. */
type Wide = string | number;

export interface WireEtag {
  type?: "strong" | "weak" | "wildcard";
  value?: string;
}

export interface WireConditions {
  etagMatches?: WireEtag[];
  etagDoesNotMatch?: WireEtag[];
  uploadedBefore?: Wide;
  uploadedAfter?: Wide;
  secondsGranularity?: boolean;
}

/** What a call says; which fields belong to which method is the runtime's affair. */
export interface WireRequest {
  version: number;
  method: string;
  object?: string;
  objects?: string[];
  range?: { offset?: Wide; length?: Wide; suffix?: Wide };
  rangeHeader?: string;
  onlyIf?: WireConditions;
  ssec?: { key: string };
  customFields?: { k: string; v: string }[];
  httpFields?: Omit<HttpMetadata, "cacheExpiry"> & { cacheExpiry?: Wide };
  storageClass?: string;
  md5?: string;
  sha1?: string;
  sha256?: string;
  sha384?: string;
  sha512?: string;
  limit?: number;
  prefix?: string;
  cursor?: string;
  delimiter?: string;
  startAfter?: string;
  /** 0: HTTP metadata, 1: custom metadata. */
  include?: number[];
  newRuntime?: boolean;
  uploadId?: string;
  partNumber?: number;
  parts?: { etag: string; part: number }[];
}

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === "string";
const isNumber: Check = (value) => typeof value === "number";
const isBoolean: Check = (value) => typeof value === "boolean";
const isWide: Check = (value) => Number.isSafeInteger(value) || (isText(value) && /^-?\d{1,20}$/.test(value as string));

/** An object whose fields, those that are there, are right; what has no check is not looked at. */
function hasFields(checks: Record<string, Check>, required: string[] = []): Check {
  return (value) => {
    if (!isObject(value)) return false;
    if (required.some((name) => !Object.hasOwn(value, name))) return false;
    return Object.entries(value).every(([name, one]) => !Object.hasOwn(checks, name) || checks[name]?.(one));
  };
}

function isList(check: Check): Check {
  return (value) => Array.isArray(value) && value.every(check);
}

const etags = isList(hasFields({ type: isText, value: isText }));
const digests = { md5: isText, sha1: isText, sha256: isText, sha384: isText, sha512: isText };
const httpTexts = { contentType: isText, contentLanguage: isText, contentDisposition: isText, contentEncoding: isText };
const times = { uploadedBefore: isWide, uploadedAfter: isWide };

const isRequest = hasFields(
  {
    ...{ method: isText, object: isText, objects: isList(isText), uploadId: isText, partNumber: isNumber },
    ...{ rangeHeader: isText, range: hasFields({ offset: isWide, length: isWide, suffix: isWide }) },
    onlyIf: hasFields({ etagMatches: etags, etagDoesNotMatch: etags, ...times, secondsGranularity: isBoolean }),
    ssec: hasFields({ key: isText }, ["key"]),
    customFields: isList(hasFields({ k: isText, v: isText }, ["k", "v"])),
    httpFields: hasFields({ ...httpTexts, cacheControl: isText, cacheExpiry: isWide }),
    ...{ storageClass: isText, ...digests, limit: isNumber, include: isList(isNumber) },
    ...{ prefix: isText, cursor: isText, delimiter: isText, startAfter: isText },
    parts: isList(hasFields({ etag: isText, part: isNumber }, ["etag", "part"])),
  },
  ["method"],
);

/** Not only the runtime sends them: a Worker with a raw binding sends what it likes. */
export function parseRequest(json: string): WireRequest {
  try {
    const request: unknown = JSON.parse(json);
    if (isRequest(request)) return request as WireRequest;
  } catch {}
  throw invalidArgument("Metadata missing or invalid");
}

export function keyOf({ object }: WireRequest): string {
  if (typeof object !== "string") throw invalidArgument("The request names no object.");
  return object;
}

export function getOptionsOf({ range, rangeHeader, onlyIf, ssec }: WireRequest): GetOptions {
  return {
    range: rangeHeader ?? (range && rangeOf(range)),
    onlyIf: conditionsOf(onlyIf),
    customerKey: customerKeyOf(ssec),
  };
}

function rangeOf({ offset, length, suffix }: NonNullable<WireRequest["range"]>): RangeRequest {
  if (suffix !== undefined) return { suffix: Number(suffix) };
  return {
    ...(offset !== undefined && { offset: Number(offset) }),
    ...(length !== undefined && { length: Number(length) }),
  };
}

export function conditionsOf(wire: WireConditions | undefined): Conditions | undefined {
  if (wire === undefined) return undefined;
  const { etagMatches, etagDoesNotMatch, uploadedBefore, uploadedAfter, secondsGranularity } = wire;
  return {
    etagMatches: etagMatches?.map(etagOf),
    etagDoesNotMatch: etagDoesNotMatch?.map(etagOf),
    uploadedBefore: uploadedBefore === undefined ? undefined : Number(uploadedBefore),
    uploadedAfter: uploadedAfter === undefined ? undefined : Number(uploadedAfter),
    secondsGranularity,
  };
}

function etagOf({ type, value }: WireEtag): EtagCondition {
  return type === "wildcard" ? {} : { value: value ?? "", weak: type === "weak" };
}

export function customerKeyOf(ssec: WireRequest["ssec"]): Buffer | undefined {
  return ssec === undefined ? undefined : Buffer.from(ssec.key, "hex");
}

export function attributesOf({ httpFields, customFields, storageClass }: WireRequest): {
  http: HttpMetadata | undefined;
  custom: Record<string, string> | undefined;
  storageClass: StorageClass | undefined;
} {
  const { cacheExpiry, ...http } = httpFields ?? {};
  return {
    http: httpFields && { ...http, ...(cacheExpiry !== undefined && { cacheExpiry: Number(cacheExpiry) }) },
    custom: customFields && Object.fromEntries(customFields.map(({ k, v }) => [k, v])),
    // Checked when it is stored.
    storageClass: (storageClass || undefined) as StorageClass | undefined,
  };
}

const digestBytes: Record<HashName, number> = { md5: 16, sha1: 20, sha256: 32, sha384: 48, sha512: 64 };

/** MD5 comes in base64, the others in hex. */
export function checksumsOf(request: WireRequest): Checksums {
  const checksums: Checksums = {};
  for (const name of Object.keys(digestBytes) as HashName[]) {
    const text = request[name];
    if (text === undefined) continue;
    const bytes = Buffer.from(text, name === "md5" ? "base64" : "hex");
    if (bytes.length !== digestBytes[name]) throw invalidDigest();
    checksums[name] = bytes.toString("hex");
  }
  return checksums;
}

const hashNumbers: Record<HashName, string> = { md5: "0", sha1: "1", sha256: "2", sha384: "3", sha512: "4" };

/** An object as the runtime reads it. */
export function wireObject(
  object: R2Object,
  range?: { offset: number; length: number },
  include = { http: true, custom: true },
): Record<string, unknown> {
  const { key, version, size, etag, uploaded, storageClass, http, custom, checksums, ssecKeyMd5 } = object;
  const { cacheExpiry, ...httpFields } = http;
  return {
    name: key,
    version,
    size,
    etag,
    uploaded,
    storageClass,
    httpFields: include.http
      ? { ...httpFields, ...(cacheExpiry !== undefined && { cacheExpiry: String(cacheExpiry) }) }
      : {},
    customFields: include.custom ? Object.entries(custom).map(([k, v]) => ({ k, v })) : [],
    ...(range && { range }),
    checksums: Object.fromEntries(
      Object.entries(checksums).map(([name, digest]) => [hashNumbers[name as HashName], digest]),
    ),
    ...(ssecKeyMd5 !== undefined && { ssec: { algorithm: "AES256", keyMd5: ssecKeyMd5 } }),
  };
}

/** The line that tells the runtime of an error, in ASCII. */
export function errorLine(code: number, message: string): string {
  const json = JSON.stringify({ version: 1, v4code: code, message });
  const ascii = json.replace(/[\u007f-\uffff]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
  return `${ERROR_HEADER}: ${ascii}\r\n`;
}
