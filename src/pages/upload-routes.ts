import { z } from "zod";
import { ApiError, type ApiRequest, route } from "../lib/api.ts";
import { parseJson } from "../lib/parse-json.ts";
import { signClaims, verifyClaims } from "../lib/signed-token.ts";
import { keepContents, missingHashes, type SentContent } from "../products/assets/hash-upload.ts";
import type { ApiRoute, Platform } from "../store/platform.ts";
import { BoundedBody } from "../workers/bounded-body.ts";
import { badUploadToken, invalidRequest } from "./errors.ts";
import { MAX_CONTENTS_BYTES, MAX_HASHES, UPLOAD_TOKEN_LIFE_SECONDS } from "./limits.ts";
import { PROJECTS } from "./project-routes.ts";
import { requireProject } from "./projects.ts";

type Request = ApiRequest<Platform, unknown>;

const claimsSchema = z.object({ accountId: z.string() });
const hashesSchema = z.looseObject({ hashes: z.array(z.string()).max(MAX_HASHES) });
const contentsSchema = z.array(
  z.looseObject({
    key: z.string(),
    value: z.string(),
    metadata: z.looseObject({ contentType: z.string().max(255).optional() }).optional(),
    base64: z.boolean().optional(),
  }),
);

/** The upload of a deployment's files, as the client speaks it (`pages-and-builds.md` 3.3). Its token says whose files they are. */
export const uploadRoutes: ApiRoute[] = [
  route<Platform>({
    method: "GET",
    path: `${PROJECTS}/:project/upload-token`,
    scope: "edit",
    summary: "A token for uploads of files",
    handle: async ({ platform, accountId, params }) => {
      await requireProject(platform, accountId, params.project ?? "");
      const claims = { accountId, max_file_count_allowed: platform.config.assets.maxFiles };
      return { jwt: signClaims(signingKey(platform), claims, Date.now(), UPLOAD_TOKEN_LIFE_SECONDS) };
    },
  }),
  route<Platform>({
    method: "POST",
    path: "/pages/assets/check-missing",
    scope: "none",
    summary: "Which of the files, named by their hashes, are still to be uploaded",
    handle: async (request) => {
      const accountId = accountOf(request);
      const { hashes } = await readJson(request, hashesSchema);
      return missingHashes(request.platform, accountId, hashes);
    },
  }),
  route<Platform>({
    method: "POST",
    path: "/pages/assets/upload",
    scope: "none",
    summary: "Upload files",
    handle: async (request) => {
      const accountId = accountOf(request);
      const contents = await readJson(request, contentsSchema);
      await keepContents(request.platform, accountId, contents.map(sentContent));
      return null;
    },
  }),
  route<Platform>({
    method: "POST",
    path: "/pages/assets/upsert-hashes",
    scope: "none",
    summary: "Keep files for a deployment that is about to be made",
    handle: async (request) => {
      const accountId = accountOf(request);
      const { hashes } = await readJson(request, hashesSchema);
      await missingHashes(request.platform, accountId, hashes);
      return null;
    },
  }),
];

function signingKey({ signingKey }: Platform): Buffer {
  return signingKey("pages upload");
}

/** Error 8000013, on which the client asks for a new token. */
function accountOf({ raw, platform }: Request): string {
  const token = /^bearer +(\S+) *$/i.exec(raw.headers.get("authorization") ?? "")?.[1];
  if (token === undefined) throw badUploadToken("there is none");
  const verified = verifyClaims(signingKey(platform), token, Date.now());
  if ("refused" in verified) throw badUploadToken(verified.refused);
  const claims = claimsSchema.safeParse(verified.claims);
  if (!claims.success) throw badUploadToken("it lacks a claim");
  return claims.data.accountId;
}

async function readJson<T>({ raw }: Request, schema: z.ZodType<T>): Promise<T> {
  if (Number(raw.headers.get("content-length") ?? 0) > MAX_CONTENTS_BYTES) throw tooLarge();
  using body = new BoundedBody(raw);
  let json: unknown;
  const text = await body.text();
  if (text.length > MAX_CONTENTS_BYTES) throw tooLarge();
  try {
    json = parseJson(text);
  } catch {
    throw invalidRequest("The request body is not JSON.");
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw invalidRequest(`The request body is not valid at "${issue?.path.join(".")}": ${issue?.message}.`);
}

function tooLarge(): ApiError {
  return new ApiError(413, {
    code: 8000103,
    message: `One upload may have ${MAX_CONTENTS_BYTES} bytes. Send the files in several.`,
  });
}

function sentContent({ key, value, metadata, base64 }: z.infer<typeof contentsSchema>[number]): SentContent {
  return {
    hash: key,
    bytes: Buffer.from(value, base64 === false ? "utf8" : "base64"),
    contentType: contentType(metadata?.contentType),
  };
}

/** The client gives the type alone; text is served as UTF-8, as it is of a Worker's files. */
function contentType(type: string | undefined): string | undefined {
  if (type === undefined || type === "") return undefined;
  if (!/^[\x20-\x7e]+$/.test(type)) throw invalidRequest("A content type has printable characters only.");
  return type.startsWith("text/") && !/charset/i.test(type) ? `${type}; charset=utf-8` : type;
}
