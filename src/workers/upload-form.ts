import { z } from "zod";
import type { Module, ModuleType } from "../domain/version.ts";
import type { Blobs } from "../store/platform.ts";
import { BoundedBody } from "./bounded-body.ts";
import { invalidUpload, scriptTooLarge, unreadableBody } from "./errors.ts";
import { MAX_MODULES, MAX_MODULES_BYTES } from "./limits.ts";
import { annotationsSchema, type Metadata, metadataSchema, parseJsonPart, parseWith } from "./metadata.ts";
import { moduleName } from "./names.ts";

/** Content type of a part to the kind of module (`wrangler-api.md` 2.7). */
const moduleTypes: Record<string, ModuleType> = {
  "application/javascript+module": "esm",
  "text/javascript+module": "esm",
  "application/javascript": "commonjs",
  "text/javascript": "commonjs",
  "application/wasm": "wasm",
  "application/octet-stream": "data",
  "text/plain": "text",
  "application/json": "json",
  "text/x-python": "python",
  "text/x-python-requirement": "python-requirement",
  "application/source-map": "source-map",
};

/** What the client of remote development adds: by which hosts it means to reach the code, which its token makes needless. */
const SESSION_CONFIG = "wrangler-session-config";

/** An upload whose parts are in the blob store. */
export interface Upload {
  metadata: Metadata;
  /** Every part besides the metadata, source maps included; the entry comes first, if there is one. */
  parts: Module[];
}

/**
 * Reads the multipart form of an upload, checks names, types and sizes, and stores every module.
 * Errors: 10021 for what is not allowed, 10026 for what cannot be read, 10027 for too much.
 */
export async function readUpload(request: Request, blobs: Blobs): Promise<Upload> {
  using body = new BoundedBody(request);
  switch (mediaType(request.headers.get("content-type"))) {
    case "multipart/form-data":
      return readForm(await body.formData(), blobs);
    case "application/javascript":
    case "text/javascript":
      return readBareScript(await body.bytes(), blobs);
    default:
      throw unreadableBody("it must be multipart/form-data.");
  }
}

/**
 * The form of new code for what is there: which part is the entry say `metadata`, fields such as `metadata[main_module]`
 * (the original's SDK) or headers; it says nothing of settings. Errors: as of {@link readUpload}.
 */
export async function readContentForm(request: Request, blobs: Blobs): Promise<Upload> {
  using body = new BoundedBody(request);
  const type = mediaType(request.headers.get("content-type"));
  if (type === "application/javascript" || type === "text/javascript") return readBareScript(await body.bytes(), blobs);
  if (type !== "multipart/form-data") throw unreadableBody("it must be multipart/form-data.");
  const form = await body.formData();
  const metadata = parseWith("metadata", await contentMetadata(form, request.headers), contentSchema);
  const files = [...form].filter(([name]) => !name.startsWith("metadata["));
  return storeModules(metadata, moduleFiles(files), blobs);
}

/** Code alone: a setting here would be dropped silently. */
const contentSchema = z.strictObject({
  main_module: z.string().optional(),
  body_part: z.string().optional(),
  annotations: annotationsSchema.optional(),
});

async function contentMetadata(form: FormData, headers: Headers): Promise<Record<string, unknown>> {
  const said = form.has("metadata") ? await readJsonPart(form, "metadata", z.looseObject({})) : {};
  const flat = (name: string) => form.get(`metadata[${name}]`);
  const main_module = flat("main_module") ?? headers.get("cf-worker-main-module-part");
  const body_part = flat("body_part") ?? headers.get("cf-worker-body-part");
  return { ...(main_module && { main_module }), ...(body_part && { body_part }), ...said };
}

/** The form of a preview's deployment: its metadata are for {@link previewMetadata} to make sense of, its modules are all called `files`. */
export async function readPreviewForm(
  request: Request,
  blobs: Blobs,
  metadataOf: (form: FormData) => Promise<Metadata>,
): Promise<Upload> {
  using body = new BoundedBody(request);
  if (mediaType(request.headers.get("content-type")) !== "multipart/form-data")
    throw unreadableBody("it must be multipart/form-data.");
  const form = await body.formData();
  const files = form
    .getAll("files")
    .map((file): [string, File | string] => [typeof file === "string" ? "" : file.name, file]);
  return storeModules(await metadataOf(form), moduleFiles(files), blobs);
}

async function readForm(form: FormData, blobs: Blobs): Promise<Upload> {
  return storeModules(await readJsonPart(form, "metadata", metadataSchema), moduleFiles(form), blobs);
}

async function storeModules(metadata: Metadata, files: ModuleFile[], blobs: Blobs): Promise<Upload> {
  checkSizes(files.filter(({ type }) => type !== "source-map").map(({ name, file }) => ({ name, size: file.size })));
  const parts = await Promise.all(
    files.map(async ({ name, type, file }): Promise<Module> => {
      const bytes = new Uint8Array(await file.arrayBuffer());
      return { name, type, blob: await blobs.put(bytes), size: bytes.byteLength };
    }),
  );
  return { metadata, parts: entryFirst(metadata, parts) };
}

/** The oldest form of upload: the script itself as the body, in service-worker format. */
async function readBareScript(bytes: Uint8Array, blobs: Blobs): Promise<Upload> {
  const module: Module = { name: "script", type: "commonjs", blob: "", size: bytes.byteLength };
  checkSizes([module]);
  return { metadata: { body_part: module.name }, parts: [{ ...module, blob: await blobs.put(bytes) }] };
}

async function readJsonPart<T>(form: FormData, name: string, schema: z.ZodType<T>): Promise<T> {
  const [part, ...more] = form.getAll(name);
  if (part === undefined) throw invalidUpload(`The upload has no part named "${name}".`);
  if (more.length > 0) throw invalidUpload(`The upload has more than one part named "${name}".`);
  return parseJsonPart(name, typeof part === "string" ? part : await part.text(), schema);
}

interface ModuleFile {
  name: string;
  type: ModuleType;
  file: File;
}

function moduleFiles(form: Iterable<[string, File | string]>): ModuleFile[] {
  const files: ModuleFile[] = [];
  const names = new Set<string>();
  for (const [partName, part] of form) {
    if (partName === "metadata" || partName === SESSION_CONFIG) continue;
    // The original's SDK sends a list of files, which have their names alone.
    const name = partName === "files[]" && typeof part !== "string" ? part.name : partName;
    moduleName(name);
    // `./a.js` and `a.js` are one name to the runtime.
    const known = name.replace(/^\.\//, "");
    if (names.has(known)) throw invalidUpload(`The upload has more than one module named "${known}".`);
    names.add(known);
    if (typeof part === "string") {
      throw invalidUpload(`The part "${name}" has no file name; send every module as a file with a content type.`);
    }
    const type = moduleTypes[mediaType(part.type)];
    if (!type) {
      throw invalidUpload(
        `The module "${name}" has the content type "${part.type}"; use one of ${Object.keys(moduleTypes).join(", ")}.`,
      );
    }
    files.push({ name, type, file: part });
  }
  if (files.length > MAX_MODULES)
    throw invalidUpload(`The upload has ${files.length} modules; at most ${MAX_MODULES} are allowed.`);
  return files;
}

function checkSizes(modules: { name: string; size: number }[]): void {
  const total = modules.reduce((sum, { size }) => sum + size, 0);
  if (total > MAX_MODULES_BYTES) throw scriptTooLarge(modules, total);
}

function entryFirst({ main_module, body_part }: Metadata, parts: Module[]): Module[] {
  const entry = parts.find(({ name }) => name === (main_module ?? body_part));
  return entry ? [entry, ...parts.filter((part) => part !== entry)] : parts;
}

function mediaType(contentType: string | null): string {
  return (contentType ?? "").split(";", 1)[0]!.trim().toLowerCase();
}
