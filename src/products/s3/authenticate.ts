import { type Authorization, readAuthorization, SIGNATURE_PARAMETER } from "./authorization.ts";
import { S3Error } from "./errors.ts";
import type { AccessKey, AccessKeys } from "./keys.ts";
import { s3Limits } from "./limits.ts";
import { ChunkSigner, canonicalRequest, requestSignature, type SignedRequest, sameSignature } from "./signature.ts";

/** A request whose signature is good. */
export interface Caller {
  key: AccessKey;
  authorization: Authorization;
  /** For a body whose chunks are signed. */
  chunkSigner(): ChunkSigner;
}

/** Headers that say what is to be done: S3's, and the original's own. */
const OPERATIVE = /^(x-amz-|cf-create-bucket-if-missing$|cf-copy-destination-)/;

/** Headers that clients' own middle layers add after signing. */
const MAY_BE_UNSIGNED = new Set(["x-amz-content-sha256", "x-amz-user-agent"]);

/** Says who signed the request. Throws {@link S3Error} when nobody did, too late, or with another secret. */
export function authenticate(request: SignedRequest, keys: AccessKeys, nowMs: number): Caller {
  const authorization = readAuthorization(request);
  if (authorization === undefined)
    throw new S3Error("Unauthorized", "The request is not signed. Give your client an access key and its secret.");
  const key = keys.find(authorization.accessKeyId);
  if (key === undefined) throw new S3Error("Unauthorized");
  checkTime(authorization, nowMs);
  checkSignedHeaders(request, authorization);
  const signing = keys.signingKey(key, authorization);
  const presigned = authorization.expiresSeconds !== undefined;
  const { signedHeaders, payloadHash, timestamp, signature } = authorization;
  const canonical = canonicalRequest(request, signedHeaders, payloadHash, presigned ? SIGNATURE_PARAMETER : undefined);
  if (!sameSignature(requestSignature(signing, authorization, timestamp, canonical), signature))
    throw new S3Error("SignatureDoesNotMatch");
  return { key, authorization, chunkSigner: () => new ChunkSigner(signing, authorization, timestamp, signature) };
}

function checkTime({ signedAtMs, timestamp, date, expiresSeconds }: Authorization, nowMs: number): void {
  if (!timestamp.startsWith(date))
    throw new S3Error("SignatureDoesNotMatch", "The date of the credential is not that of the request.");
  const early = signedAtMs - nowMs > s3Limits.clockSkewMs;
  if (expiresSeconds === undefined) {
    if (early || nowMs - signedAtMs > s3Limits.clockSkewMs) throw new S3Error("RequestTimeTooSkewed");
  } else {
    if (early)
      throw new S3Error("AccessDenied", "The presigned URL is not valid yet: the clock that signed it is ahead.");
    if (nowMs > signedAtMs + expiresSeconds * 1000) throw new S3Error("ExpiredRequest");
  }
}

/** What changes the meaning of a request must be signed, or whoever carries it could change it. */
function checkSignedHeaders({ headers }: SignedRequest, { signedHeaders }: Authorization): void {
  const signed = new Set(signedHeaders);
  if (!signed.has("host")) throw new S3Error("AccessDenied", "The Host header must be signed.");
  for (const name of headers.keys()) {
    if (OPERATIVE.test(name) && !signed.has(name) && !MAY_BE_UNSIGNED.has(name))
      throw new S3Error("AccessDenied", `The header ${name} is not signed.`);
  }
}
