import type { Module, ModuleType } from "../domain/version.ts";
import type { Platform } from "../store/platform.ts";
import type { StoredVersion } from "./versions.ts";

/** Kind of module to the content type of its part (`wrangler-api.md` 2.7). */
const contentTypes: Record<ModuleType, string> = {
  esm: "application/javascript+module",
  commonjs: "application/javascript",
  wasm: "application/wasm",
  data: "application/octet-stream",
  text: "text/plain",
  json: "application/json",
  python: "text/x-python",
  "python-requirement": "text/x-python-requirement",
  "source-map": "application/source-map",
};

/**
 * A version's code as the client downloads it: a multipart form with the entry's name in `cf-entrypoint`,
 * or the plain script in service-worker format (`wrangler-api.md` 5.1).
 */
export async function contentResponse(platform: Platform, { record, row }: StoredVersion): Promise<Response> {
  const headers = { etag: `"${row.etag}"` };
  if (record.format === "service-worker") {
    const script = record.modules.find(({ name }) => name === record.mainModule);
    const bytes = script ? await moduleBytes(platform, script) : new Uint8Array();
    return new Response(bytes, { headers: { ...headers, "content-type": "application/javascript" } });
  }
  const form = new FormData();
  for (const module of record.modules) {
    // Clients upload what they downloaded, and older ones do not know this type.
    if (module.type === "source-map") continue;
    const bytes = await moduleBytes(platform, module);
    form.append(module.name, new File([bytes], module.name, { type: contentTypes[module.type] }));
  }
  // A header holds Latin-1 only.
  const entry = /^[\x20-\x7e]+$/.test(record.mainModule) ? record.mainModule : encodeURIComponent(record.mainModule);
  return new Response(form, { headers: { ...headers, "cf-entrypoint": entry } });
}

/** Text of the entry, as uploads without `excludeScript` give it back; undefined when it is not text. */
export async function entryText(platform: Platform, { record }: StoredVersion): Promise<string | undefined> {
  const entry = record.modules.find(({ name }) => name === record.mainModule);
  return entry && new TextDecoder().decode(await moduleBytes(platform, entry));
}

async function moduleBytes({ blobs }: Platform, { name, blob }: Module): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await blobs.get(blob);
  if (!bytes) throw new Error(`the blob store has lost the module "${name}" (${blob})`);
  return bytes as Uint8Array<ArrayBuffer>;
}
