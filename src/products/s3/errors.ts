import type { R2Error } from "../r2/errors.ts";

/**
 * Refusals that only the S3 API has, or whose code it needs by name: HTTP status and what a person reads. Codes and statuses
 * are those of the original's error table where it has the case, of S3 itself elsewhere. What R2 as such refuses stands in
 * `../r2/errors.ts`, with its S3 name.
 */
const catalogue = {
  AccessDenied: [403, "Access Denied."],
  AuthorizationHeaderMalformed: [400, "The authorization header is malformed."],
  AuthorizationQueryParametersError: [400, "The query parameters that sign this request are malformed."],
  BadDigest: [400, "The digest you gave does not match what was received."],
  ExpiredRequest: [400, "The signed request has expired."],
  IncompleteBody: [400, "The body is not as long as the request said."],
  InvalidArgument: [400, "An argument is not valid."],
  InvalidDigest: [400, "The digest you gave is not well formed."],
  InvalidPart: [400, "A part that you named was not uploaded, or has another ETag."],
  InvalidPartOrder: [400, "The parts are not in ascending order of their numbers."],
  InvalidRequest: [400, "The request is not valid."],
  InvalidStorageClass: [400, "The storage class you specified is not valid."],
  InvalidURI: [400, "The URI could not be parsed."],
  MalformedXML: [400, "The XML is not well formed, or not what this operation expects."],
  MethodNotAllowed: [405, "The method is not allowed for this resource."],
  MissingContentLength: [411, "The request needs a Content-Length header."],
  NoSuchBucket: [404, "The specified bucket does not exist."],
  NoSuchCORSConfiguration: [404, "The CORS configuration does not exist."],
  NoSuchKey: [404, "The specified key does not exist."],
  NoSuchLifecycleConfiguration: [404, "The lifecycle configuration does not exist."],
  NotImplemented: [501, "This operation or option is not implemented."],
  PreconditionFailed: [412, "At least one of the pre-conditions you specified did not hold."],
  RequestTimeTooSkewed: [403, "The request's time is too far from the server's. Set the client's clock."],
  SignatureDoesNotMatch: [
    403,
    "The request signature we calculated does not match the one you gave. Check your secret access key and how you sign.",
  ],
  Unauthorized: [401, "The access key is missing, unknown or revoked."],
  XAmzContentSHA256Mismatch: [400, "The x-amz-content-sha256 header does not match what was received."],
} as const satisfies Record<string, readonly [status: number, message: string]>;

export type S3Code = keyof typeof catalogue;

/** A refusal that reaches the client as XML. */
export class S3Error extends Error {
  override name = "S3Error";
  readonly code: S3Code;
  readonly status: number;

  /** `message` says more than the catalogue does. */
  constructor(code: S3Code, message: string = catalogue[code][1]) {
    super(message);
    this.code = code;
    this.status = catalogue[code][0];
  }
}

/** A refusal as the client is told it. */
export interface ToldError {
  code: string;
  status: number;
  message: string;
}

/** What a refusal of ours, or of R2, is told as. */
export function toldError(error: S3Error | R2Error): ToldError {
  if (error instanceof S3Error) return error;
  return { code: error.s3Code, status: error.status, message: error.message };
}

/** The original's way to say that something of S3 is not there. */
export function notImplemented(what: string): S3Error {
  return new S3Error("NotImplemented", `${what} is not implemented.`);
}
