/**
 * Every refusal of R2. Codes, S3 names, statuses and messages are the original's
 * (https://developers.cloudflare.com/r2/api/error-codes/ and `workerd-bindings.md` 4.2), so that a Worker, an S3 client and
 * the API say the same.
 */

import { isDiskFull } from "../../lib/disk-full.ts";

/** A refusal, as every way to a bucket tells it in its own clothes. */
export class R2Error extends Error {
  override name = "R2Error";
  /** HTTP status. */
  readonly status: number;
  /** Number that the binding and the API give. */
  readonly code: number;
  /** Name that S3 gives. */
  readonly s3Code: string;

  constructor(status: number, code: number, s3Code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
    this.s3Code = s3Code;
  }
}

const error = (status: number, code: number, s3Code: string, message: string) => () =>
  new R2Error(status, code, s3Code, message);

export const internalError = error(500, 10001, "InternalError", "We encountered an internal error. Please try again.");

export const accessDenied = error(403, 10003, "AccessDenied", "Access Denied.");

export const bucketExists = error(
  409,
  10004,
  "BucketAlreadyOwnedByYou",
  "The bucket you tried to create already exists, and you own it.",
);

export const invalidBucketName = error(
  400,
  10005,
  "InvalidBucketName",
  "The specified bucket name is not valid: 3 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends.",
);

export const noSuchBucket = error(404, 10006, "NoSuchBucket", "The specified bucket does not exist.");

export const noSuchKey = error(404, 10007, "NoSuchKey", "The specified key does not exist.");

export const bucketNotEmpty = error(
  409,
  10008,
  "BucketNotEmpty",
  "The bucket you tried to delete is not empty. Delete its objects and abort its multipart uploads first.",
);

export const tooManyBuckets = error(
  400,
  10009,
  "TooManyBuckets",
  "You have attempted to create more buckets than are allowed.",
);

export const entityTooSmall = error(
  400,
  10011,
  "EntityTooSmall",
  "Your proposed upload is smaller than the minimum allowed object size.",
);

export const metadataTooLarge = error(
  400,
  10012,
  "MetadataTooLarge",
  "Your metadata headers exceed the maximum allowed metadata size.",
);

export const incompleteBody = error(
  400,
  10013,
  "IncompleteBody",
  "You did not provide the number of bytes specified by the Content-Length HTTP header.",
);

export const invalidDigest = error(400, 10014, "InvalidDigest", "The checksum you specified is not valid.");

export const invalidObjectName = error(400, 10020, "InvalidObjectName", "The specified object name is not valid.");

export const invalidMaxKeys = error(400, 10022, "InvalidArgument", "MaxKeys params must be positive integer <= 1000.");

export const noSuchUpload = error(404, 10024, "NoSuchUpload", "The specified multipart upload does not exist.");

export const invalidPart = error(400, 10025, "InvalidPart", "One or more of the specified parts could not be found.");

export const invalidArgument = (message: string) => new R2Error(400, 10029, "InvalidArgument", message);

export const preconditionFailed = error(
  412,
  10031,
  "PreconditionFailed",
  "At least one of the pre-conditions you specified did not hold.",
);

export const badDigest = (algorithm: string, provided: string, actual: string) =>
  new R2Error(
    400,
    10037,
    "BadDigest",
    `The ${algorithm} checksum you specified did not match what we received.\n` +
      `You provided a ${algorithm} checksum with value: ${provided}\nActual ${algorithm} was: ${actual}`,
  );

export const invalidRange = error(416, 10039, "InvalidRange", "The requested range is not satisfiable");

export const storeUnavailable = (why: string) =>
  new R2Error(503, 10043, "ServiceUnavailable", `The R2 store is not available: ${why}`);

export const tooManyInUse = error(
  503,
  10043,
  "ServiceUnavailable",
  "Too many buckets are in use at this moment. Try again in a second.",
);

/** All parts but the last must have one size. */
export const unevenParts = error(400, 10048, "InvalidPart", "There was a problem with the multipart upload.");

export const invalidStorageClass = error(
  400,
  10062,
  "InvalidStorageClass",
  "The storage class you specified is not valid: Standard or InfrequentAccess.",
);

export const objectLocked = error(
  403,
  10069,
  "ObjectLockedByBucketPolicy",
  "The object is protected by a lock rule of its bucket and cannot be changed or deleted yet.",
);

export const entityTooLarge = error(
  400,
  100100,
  "EntityTooLarge",
  "Your proposed upload exceeds the maximum allowed object size.",
);

export const diskFull = error(507, 10001, "InternalError", "The disk of the R2 store is full. Nothing was stored.");

/** S3's own name for the same parameter. */
export const wrongKey = error(
  403,
  10003,
  "AccessDenied",
  "The object is encrypted with a key of its owner (SSE-C): the key given is not that one, or there is none.",
);

const LOG_PAUSE_MS = 1000;
let loggedAtMs = Number.NEGATIVE_INFINITY;

/** The refusal that an error comes to. What is not one already is a failure of the store, and is logged: once a second. */
export function refusalOf(cause: unknown): R2Error {
  if (cause instanceof R2Error) return cause;
  if (performance.now() - loggedAtMs > LOG_PAUSE_MS) {
    loggedAtMs = performance.now();
    console.error("R2:", cause);
  }
  if (isDiskFull(cause)) return diskFull();
  return storeUnavailable(cause instanceof Error ? cause.message : String(cause));
}
