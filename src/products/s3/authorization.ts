/** What a request says about who signed it: in the Authorization header, or in the query of a presigned URL. */
import { S3Error } from "./errors.ts";
import { s3Limits } from "./limits.ts";
import { ALGORITHM, type Scope, type SignedRequest } from "./signature.ts";

export interface Authorization extends Scope {
  accessKeyId: string;
  /** `yyyymmddThhmmssZ`. */
  timestamp: string;
  signedAtMs: number;
  /** Lower case, in the order of the signature. */
  signedHeaders: string[];
  signature: string;
  /** What the signature says about the body: `x-amz-content-sha256`, or that it is not covered. */
  payloadHash: string;
  /** Of a presigned URL: how long it is good. */
  expiresSeconds?: number;
}

export const UNSIGNED = "UNSIGNED-PAYLOAD";
/** The parameter that a presigned URL's signature does not cover: itself. */
export const SIGNATURE_PARAMETER = "X-Amz-Signature";

const MAX_SIGNED_HEADERS = 100;
const CREDENTIAL = /^([A-Za-z0-9._-]{1,128})\/(\d{8})\/([a-z0-9-]{0,64})\/([a-z0-9]{1,16})\/aws4_request$/;
const SIGNATURE = /^[0-9a-f]{64}$/;
const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const TIMESTAMP = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;

/** Reads who signed the request. Undefined: nobody. Throws {@link S3Error} when it is malformed. */
export function readAuthorization(request: SignedRequest): Authorization | undefined {
  const header = request.headers.get("authorization");
  const inQuery = request.query.some(({ name }) => name === "X-Amz-Algorithm" || name === "X-Amz-Credential");
  if (header !== undefined && inQuery)
    throw new S3Error(
      "InvalidRequest",
      "A request is signed in its Authorization header or in its query, not in both.",
    );
  if (header !== undefined) return fromHeader(request, header);
  if (inQuery) return fromQuery(request);
  if (request.query.some(({ name }) => name === "AWSAccessKeyId")) throw outdated();
  return undefined;
}

function fromHeader({ headers }: SignedRequest, header: string): Authorization {
  const [algorithm, rest] = splitOnce(header.trim(), " ");
  if (algorithm === "AWS") throw outdated();
  if (algorithm !== ALGORITHM) throw new S3Error("InvalidRequest", `The authorization must be ${ALGORITHM}.`);
  const fields = new Map(rest.split(",").map((field) => splitOnce(field.trim(), "=")));
  const malformed = (what: string) => new S3Error("AuthorizationHeaderMalformed", `The authorization header ${what}.`);
  const payloadHash = headers.get("x-amz-content-sha256");
  if (payloadHash === undefined)
    throw new S3Error("InvalidRequest", "The header x-amz-content-sha256 is missing, which a signed request needs.");
  const timestamp = headers.get("x-amz-date") ?? timestampOf(headers.get("date"));
  return {
    ...credential(fields.get("Credential") ?? "", malformed),
    ...time(timestamp, () => new S3Error("AccessDenied", "The request needs a valid x-amz-date or Date header.")),
    signedHeaders: signedHeaders(fields.get("SignedHeaders") ?? "", malformed),
    signature: signature(fields.get("Signature") ?? "", malformed),
    payloadHash,
  };
}

function fromQuery({ headers, query }: SignedRequest): Authorization {
  const malformed = (what: string) =>
    new S3Error("AuthorizationQueryParametersError", `The signature in the query ${what}.`);
  const value = (name: string) => {
    const found = query.filter((parameter) => parameter.name === name);
    if (found.length > 1) throw malformed(`has ${name} more than once`);
    return found[0]?.value;
  };
  if (value("X-Amz-Algorithm") !== ALGORITHM) throw malformed(`must have X-Amz-Algorithm=${ALGORITHM}`);
  const seconds = value("X-Amz-Expires") ?? "";
  const expiresSeconds = /^\d{1,9}$/.test(seconds) ? Number(seconds) : 0;
  if (expiresSeconds < 1 || expiresSeconds > s3Limits.maxPresignedSeconds)
    throw malformed(`must have X-Amz-Expires from 1 to ${s3Limits.maxPresignedSeconds} seconds`);
  return {
    ...credential(value("X-Amz-Credential") ?? "", malformed),
    ...time(value("X-Amz-Date"), () => malformed("must have X-Amz-Date as yyyymmddThhmmssZ")),
    signedHeaders: signedHeaders(value("X-Amz-SignedHeaders") ?? "", malformed),
    signature: signature(value(SIGNATURE_PARAMETER) ?? "", malformed),
    payloadHash: value("X-Amz-Content-Sha256") ?? headers.get("x-amz-content-sha256") ?? UNSIGNED,
    expiresSeconds,
  };
}

type Malformed = (what: string) => S3Error;

function credential(text: string, malformed: Malformed): Scope & { accessKeyId: string } {
  const [, accessKeyId = "", date = "", region = "", service] = CREDENTIAL.exec(text) ?? [];
  if (service === undefined)
    throw malformed("must have a Credential of <access key>/<yyyymmdd>/<region>/s3/aws4_request");
  if (service !== "s3") throw malformed(`is for service "${service}", not for "s3"`);
  return { accessKeyId, date, region };
}

function time(timestamp: string | undefined, missing: () => S3Error): { timestamp: string; signedAtMs: number } {
  const [whole, year, month, day, hour, minute, second] = TIMESTAMP.exec(timestamp ?? "") ?? [];
  const signedAtMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (whole === undefined || Number.isNaN(signedAtMs)) throw missing();
  return { timestamp: whole, signedAtMs };
}

function signedHeaders(text: string, malformed: Malformed): string[] {
  const names = text.split(";");
  if (names.length > MAX_SIGNED_HEADERS || !names.every((name) => HEADER_NAME.test(name)))
    throw malformed("must name its SignedHeaders in lower case, separated by semicolons");
  return names;
}

function signature(text: string, malformed: Malformed): string {
  if (!SIGNATURE.test(text)) throw malformed("must have a Signature of 64 hexadecimal digits");
  return text;
}

/** A Date header in the form of `x-amz-date`. */
function timestampOf(date: string | undefined): string | undefined {
  const ms = Date.parse(date ?? "");
  if (Number.isNaN(ms)) return undefined;
  return `${new Date(ms).toISOString().slice(0, 19).replace(/[-:]/g, "")}Z`;
}

function outdated(): S3Error {
  return new S3Error("InvalidRequest", `Signature version 2 is not supported. Please use ${ALGORITHM}.`);
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + separator.length)];
}
