import { ApiError } from "../../lib/api.ts";

/**
 * Refusals of the upload session. Only 10304 and 10021 are Cloudflare's; the client does not tell the others apart,
 * so 10305 to 10307 are Freehold's own.
 */
export const errors = {
  tooManyFiles: (count: number, limit: number) =>
    new ApiError(413, {
      code: 10304,
      message: `The site has ${count} files; at most ${limit} are allowed per version.`,
    }),
  badManifest: (why: string) => new ApiError(400, { code: 10021, message: `The asset manifest is not valid: ${why}.` }),
  fileTooLarge: (path: string, size: number, limit: number) =>
    new ApiError(413, {
      code: 10021,
      message: `The asset ${path} has ${size} bytes; at most ${limit} are allowed. Serve larger files from R2.`,
    }),
  badToken: (why: string) =>
    new ApiError(401, { code: 10305, message: `The asset upload token is not valid: ${why}. Start the deploy again.` }),
  unknownHash: (hash: string) =>
    new ApiError(400, { code: 10306, message: `The file ${hash} is not part of this upload session.` }),
  badContent: (hash: string, why: string) =>
    new ApiError(400, { code: 10307, message: `The file ${hash} was not accepted: ${why}.` }),
};
