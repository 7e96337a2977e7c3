import { isObject } from "../lib/is-object.ts";
import { parseJson } from "../lib/parse-json.ts";
import { ALL_ROUTES, type FunctionRoutes, parseRoutesJson, RoutesJsonError } from "../products/assets/routes-json.ts";
import type { Blobs } from "../store/platform.ts";
import { BoundedBody } from "../workers/bounded-body.ts";
import { readUpload, type Upload } from "../workers/upload-form.ts";
import { invalidRequest } from "./errors.ts";
import { MAX_COMMIT_HASH_LENGTH, MAX_COMMIT_MESSAGE_BYTES, MAX_FILE_CHARS } from "./limits.ts";
import { checkedBranch } from "./names.ts";

/** What the client sends to make a deployment (`pages-and-builds.md` 3.2), its code in the blob store. */
export interface DeploymentForm {
  /** Path to hash; undefined: the deployment is to be built from the repository. */
  manifest: Record<string, string> | undefined;
  /** Undefined: production's. */
  branch: string | undefined;
  commitHash: string;
  commitMessage: string;
  commitDirty: boolean;
  headers: string;
  redirects: string;
  /** Undefined: files alone. */
  code: { upload: Upload; routes: FunctionRoutes } | undefined;
  /** Which file answers which path, as the client compiled it. */
  routing: unknown;
  /** What a wrangler file says; undefined when there is none. */
  file: { hash: string; outputDir: string | undefined } | undefined;
}

/** Reads and checks the form. Errors: 8000103, and those of a Worker's upload for the code in it. */
export async function readDeploymentForm(request: Request, blobs: Blobs): Promise<DeploymentForm> {
  using body = new BoundedBody(request);
  // Git-connected projects are asked to build without any form.
  if (!request.headers.get("content-type")?.startsWith("multipart/form-data")) return readForm(new FormData(), blobs);
  return readForm(await body.formData(), blobs);
}

async function readForm(form: FormData, blobs: Blobs): Promise<DeploymentForm> {
  const text = (name: string) => textOf(form, name);
  const manifest = await text("manifest");
  const branch = await text("branch");
  const routes = await text("_routes.json");
  const routing = await text("functions-filepath-routing-config.json");
  const hash = await text("wrangler_config_hash");
  const upload = await uploadOf(form, blobs);
  return {
    manifest: manifest === undefined ? undefined : manifestOf(manifest),
    branch: branch ? checkedBranch(branch) : undefined,
    commitHash: ((await text("commit_hash")) ?? "").slice(0, MAX_COMMIT_HASH_LENGTH),
    commitMessage: cut((await text("commit_message")) ?? ""),
    commitDirty: (await text("commit_dirty")) === "true",
    headers: (await text("_headers")) ?? "",
    redirects: (await text("_redirects")) ?? "",
    code: upload && { upload, routes: routes === undefined ? ALL_ROUTES : routesOf(routes) },
    routing: routing === undefined ? undefined : jsonOf("functions-filepath-routing-config.json", routing),
    file: hash ? { hash, outputDir: await text("pages_build_output_dir") } : undefined,
  };
}

/** The text of a part, sent as a file or not. */
async function textOf(form: FormData, name: string): Promise<string | undefined> {
  const [part, ...more] = form.getAll(name);
  if (part === undefined) return undefined;
  if (more.length > 0) throw invalidRequest(`The form has more than one part named "${name}".`);
  const text = typeof part === "string" ? part : await part.text();
  if (name !== "manifest" && text.length > MAX_FILE_CHARS)
    throw invalidRequest(`"${name}" is longer than ${MAX_FILE_CHARS} characters.`);
  return text;
}

function jsonOf(name: string, text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw invalidRequest(`"${name}" is not JSON: ${(error as Error).message}.`);
  }
}

function manifestOf(text: string): Record<string, string> {
  const json = jsonOf("manifest", text);
  if (!isObject(json) || Object.values(json).some((hash) => typeof hash !== "string"))
    throw invalidRequest('"manifest" must be an object of paths and their hashes.');
  return json as Record<string, string>;
}

function routesOf(text: string): FunctionRoutes {
  try {
    return parseRoutesJson(text);
  } catch (error) {
    if (error instanceof RoutesJsonError) throw invalidRequest(`"_routes.json" is not valid: ${error.message}.`);
    throw error;
  }
}

/** A form of its own within the form, or (of old clients) the one module that a Worker is. */
async function uploadOf(form: FormData, blobs: Blobs): Promise<Upload | undefined> {
  const bundle = form.get("_worker.bundle");
  const script = form.get("_worker.js");
  if (bundle !== null && script !== null)
    throw invalidRequest('The form has both "_worker.bundle" and "_worker.js"; send one of them.');
  if (bundle !== null) return bundleOf(typeof bundle === "string" ? new Blob([bundle]) : bundle, blobs);
  if (script === null) return undefined;
  const bytes = typeof script === "string" ? Buffer.from(script) : new Uint8Array(await script.arrayBuffer());
  const module = { name: "_worker.js", type: "esm" as const, blob: await blobs.put(bytes), size: bytes.byteLength };
  return { metadata: { main_module: module.name }, parts: [module] };
}

const MAX_BOUNDARY_LENGTH = 70;

/** The part does not say its boundary, so its first line does. */
async function bundleOf(bundle: Blob, blobs: Blobs): Promise<Upload> {
  const start = Buffer.from(await bundle.slice(0, MAX_BOUNDARY_LENGTH + 4).arrayBuffer()).toString("latin1");
  const boundary = /^--([^\r\n"]{1,70})\r\n/.exec(start)?.[1];
  if (boundary === undefined) throw invalidRequest('"_worker.bundle" is no multipart form.');
  const headers = { "content-type": `multipart/form-data; boundary="${boundary}"` };
  return readUpload(new Request("http://bundle/", { method: "POST", headers, body: bundle }), blobs);
}

/** The client cuts too, at a character. */
function cut(message: string): string {
  const bytes = Buffer.from(message);
  if (bytes.length <= MAX_COMMIT_MESSAGE_BYTES) return message;
  return bytes
    .subarray(0, MAX_COMMIT_MESSAGE_BYTES)
    .toString()
    .replace(/\uFFFD$/, "");
}
