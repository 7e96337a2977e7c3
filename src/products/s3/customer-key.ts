/** Keys that customers keep themselves (SSE-C), as they stand in headers. */
import { createHash } from "node:crypto";
import type { CustomerKey } from "../r2/model.ts";
import { digestHeader } from "./body.ts";
import { S3Error } from "./errors.ts";
import type { S3Request } from "./request.ts";

const PREFIX = "x-amz-server-side-encryption-customer-";
/** Of the object that a copy is made of. */
export const COPY_SOURCE_PREFIX = "x-amz-copy-source-server-side-encryption-customer-";

/** The key in the request; undefined when there is none. Throws when it is not complete and right. */
export function customerKey(request: S3Request, prefix = PREFIX): CustomerKey | undefined {
  const algorithm = request.header(`${prefix}algorithm`);
  const key = request.header(`${prefix}key`);
  if (algorithm === undefined && key === undefined) return undefined;
  if (algorithm !== "AES256") throw new S3Error("InvalidArgument", `The header ${prefix}algorithm must be AES256.`);
  const bytes = Buffer.from(key ?? "", "base64");
  if (bytes.length !== 32) throw new S3Error("InvalidArgument", `The header ${prefix}key must be 32 bytes in Base64.`);
  const md5 = digestHeader(request, `${prefix}key-md5`, 16);
  if (md5 === undefined || !createHash("md5").update(bytes).digest().equals(md5))
    throw new S3Error("InvalidArgument", `The header ${prefix}key-MD5 must be the MD5 of the key, in Base64.`);
  return bytes;
}

/** Headers that say which key an object is encrypted with. `md5` is hex, as objects have it. */
export function customerKeyHeaders(md5: string | undefined): Record<string, string> {
  if (md5 === undefined) return {};
  return {
    [`${PREFIX}algorithm`]: "AES256",
    [`${PREFIX}key-md5`]: Buffer.from(md5, "hex").toString("base64"),
  };
}
