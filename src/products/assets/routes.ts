import { ApiError, ApiResult, route } from "../../lib/api.ts";
import { parseJson } from "../../lib/parse-json.ts";
import { readBounded } from "../../lib/read-bounded.ts";
import type { ApiRoute, Platform } from "../../store/platform.ts";
import { errors } from "./errors.ts";
import { type BodyForm, receiveBulk, receiveSingle } from "./receive.ts";
import { type AssetUploads, assetUploads, type OpenUpload } from "./uploads.ts";

/** The upload of static assets, as the client speaks it (`wrangler-api.md` 2.4). */
export const assetRoutes: ApiRoute[] = [
  route<Platform>({
    method: "POST",
    path: "/accounts/:account/workers/scripts/:script/assets-upload-session",
    scope: "edit",
    summary: "Announce a version's static assets; answers which are to be uploaded",
    handle: async ({ platform, accountId, params, raw }) => {
      const uploads = assetUploads(platform);
      const body = await readJson(raw, Math.max(MIN_MANIFEST_BYTES, MANIFEST_BYTES_PER_FILE * uploads.limits.files));
      return uploads.start(accountId, params.script ?? "", (body as { manifest?: unknown } | null)?.manifest);
    },
  }),
  route<Platform>({
    method: "POST",
    path: "/accounts/:account/workers/assets/upload",
    scope: "none",
    summary: "Upload static assets as parts of a form, with the token of the announcement",
    handle: ({ platform, accountId, query, raw }) =>
      upload(platform, accountId, raw, query.get("base64") === "true", (uploads, open, form) =>
        receiveBulk(uploads, open, raw, form),
      ),
  }),
  route<Platform>({
    method: "POST",
    path: "/accounts/:account/workers/assets/upload/:hash",
    scope: "none",
    summary: "Upload one static asset, with the token of the announcement",
    handle: ({ platform, accountId, params, query, raw }) =>
      upload(platform, accountId, raw, query.get("base64") === "true", (uploads, open, form) =>
        receiveSingle(uploads, open, params.hash ?? "", raw, form),
      ),
  }),
];

/** The response that completes the set carries the completion token, and every repetition after it. */
async function upload(
  platform: Platform,
  accountId: string,
  request: Request,
  base64: boolean,
  receive: (uploads: AssetUploads, upload: OpenUpload, form: BodyForm) => Promise<void>,
): Promise<ApiResult> {
  const token = /^bearer +(\S+) *$/i.exec(request.headers.get("authorization") ?? "")?.[1];
  if (token === undefined) throw errors.badToken("there is none");
  const checked = request.headers.get("user-agent")?.startsWith("wrangler/") ?? false;
  const uploads = assetUploads(platform);
  return uploads.use(accountId, token, async (open) => {
    await receive(uploads, open, { base64, checked });
    const jwt = await uploads.complete(open);
    return jwt === undefined ? new ApiResult({}, { status: 202 }) : new ApiResult({ jwt }, { status: 201 });
  });
}

/** An entry has a hash, a size and a path; paths of 200 characters are rare. Own. */
const MANIFEST_BYTES_PER_FILE = 320;
const MIN_MANIFEST_BYTES = 1_000_000;

/** The announcement is larger than other JSON bodies of the API. */
async function readJson(request: Request, limitBytes: number): Promise<unknown> {
  const body = await readBounded(request, limitBytes);
  if (!body) {
    const message = `The list of assets is larger than ${limitBytes} bytes. Use fewer files or shorter paths.`;
    throw new ApiError(413, { code: 10304, message });
  }
  try {
    return parseJson(body.toString());
  } catch {
    throw new ApiError(400, { code: 10026, message: "The request body is not JSON." });
  }
}
