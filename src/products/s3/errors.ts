/**
 * Every refusal of the S3 API: the code that clients look at, its HTTP status and what a person reads. Codes and statuses
 * are those of the original's error table where it has the case, of S3 itself elsewhere.
 */
const catalogue = {
  AccessDenied: [403, "Access Denied"],
  AuthorizationHeaderMalformed: [400, "The authorization header is malformed."],
  AuthorizationQueryParametersError: [400, "The query parameters that sign this request are malformed."],
  BadDigest: [400, "The digest you gave does not match what was received."],
  BucketAlreadyOwnedByYou: [409, "The bucket you want to create exists already, and you own it."],
  BucketNotEmpty: [409, "The bucket you tried to delete is not empty."],
  EntityTooLarge: [400, "The object is larger than one may be."],
  EntityTooSmall: [400, "A part other than the last is smaller than 5 MiB."],
  ExpiredRequest: [400, "The signed request has expired."],
  IncompleteBody: [400, "The body is not as long as the request said."],
  InternalError: [500, "An internal error occurred. Try again."],
  InvalidArgument: [400, "An argument is not valid."],
  InvalidBucketName: [
    400,
    "The bucket name is not valid: 3 to 63 lower-case letters, digits and hyphens, no hyphen first or last.",
  ],
  InvalidDigest: [400, "The digest you gave is not well formed."],
  InvalidObjectName: [400, "The object key is not valid: 1 to 1024 bytes of UTF-8."],
  InvalidPart: [400, "A part that you named was not uploaded, or has another ETag."],
  InvalidPartOrder: [400, "The parts are not in ascending order of their numbers."],
  InvalidRange: [416, "The range cannot be satisfied."],
  InvalidRequest: [400, "The request is not valid."],
  InvalidURI: [400, "The URI could not be parsed."],
  MalformedXML: [400, "The XML is not well formed, or not what this operation expects."],
  MetadataTooLarge: [400, "Custom metadata has more than 8192 bytes."],
  MethodNotAllowed: [405, "The method is not allowed for this resource."],
  MissingContentLength: [411, "The request needs a Content-Length header."],
  NoSuchBucket: [404, "The specified bucket does not exist."],
  NoSuchCORSConfiguration: [404, "The CORS configuration does not exist."],
  NoSuchKey: [404, "The specified key does not exist."],
  NoSuchLifecycleConfiguration: [404, "The lifecycle configuration does not exist."],
  NoSuchUpload: [
    404,
    "The multipart upload does not exist: the upload id may be wrong, or it was completed or aborted.",
  ],
  NotImplemented: [501, "This operation or option is not implemented."],
  ObjectLockedByBucketPolicy: [403, "A lock rule of the bucket protects this object."],
  PreconditionFailed: [412, "At least one of the conditions you gave did not hold."],
  RequestTimeTooSkewed: [403, "The request's time is too far from the server's."],
  ServiceUnavailable: [503, "The service is not available at the moment. Try again."],
  SignatureDoesNotMatch: [
    403,
    "The request signature we calculated does not match the one you gave. Check your secret access key and how you sign.",
  ],
  TooManyBuckets: [400, "The account has as many buckets as it may have."],
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

/** Codes with their statuses and messages, for the documentation. */
export const s3Errors: Readonly<Record<S3Code, readonly [status: number, message: string]>> = catalogue;
