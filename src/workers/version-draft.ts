import type { Binding, LaunchRecord, Module } from "../domain/version.ts";
import type { Platform } from "../store/platform.ts";
import { assetsOfVersion, configured, type DraftAssets } from "./assets.ts";
import { invalidUpload } from "./errors.ts";
import { DEFAULT_CPU_MS, MEMORY_MB, OLDEST_COMPATIBILITY_DATE } from "./limits.ts";
import { metadataSchema, type SettingsPatch } from "./metadata.ts";
import { aliasName } from "./names.ts";
import type { StateChange } from "./state-changes.ts";
import type { Upload } from "./upload-form.ts";
import type { StoredVersion, VersionMetadata } from "./versions.ts";

/** A version to be: everything but its id, author and number. */
export interface VersionDraft
  extends Pick<
    LaunchRecord,
    "format" | "mainModule" | "modules" | "bindings" | "compatibilityDate" | "compatibilityFlags" | "limits"
  > {
  annotations: Record<string, string>;
  metadata: VersionMetadata;
  assets: DraftAssets | undefined;
  /** What becomes of the script's classes and workflows; absent: they stay as they are. */
  state?: StateChange;
}

/** The code of an upload: its format and entry, and the parts that are modules rather than bindings. */
export type UploadedCode = Pick<VersionDraft, "format" | "mainModule" | "modules">;

const NO_CODE: UploadedCode = { format: "modules", mainModule: "", modules: [] };

const noEntry = () =>
  invalidUpload('The metadata names no entry: set "main_module" (ES modules) or "body_part" (service-worker format).');

/** Reads which part is the entry. No code: the upload asks for assets alone. Error 10021 when it is missing, or of the wrong kind. */
export function uploadedCode({ metadata, parts }: Upload): UploadedCode {
  const { main_module, body_part } = metadata;
  if (main_module !== undefined && body_part !== undefined) {
    throw invalidUpload('The metadata has both "main_module" and "body_part"; a Worker is in one format or the other.');
  }
  const mainModule = main_module ?? body_part;
  // An upload of static assets alone has nothing but metadata.
  const asksForAssets = metadata.assets || metadata.keep_assets;
  if (mainModule === undefined && parts.length === 0 && asksForAssets) return NO_CODE;
  if (mainModule === undefined) throw noEntry();
  const entry = parts.find(({ name }) => name === mainModule);
  if (!entry)
    throw invalidUpload(`The metadata names the entry "${mainModule}", but the upload has no part of that name.`);
  if (main_module === undefined) return serviceWorkerCode(mainModule, entry, parts, metadata.bindings ?? []);
  if (entry.type !== "esm" && entry.type !== "python") {
    throw invalidUpload(
      `The entry "${mainModule}" must be an ES module (application/javascript+module) or a Python module (text/x-python).`,
    );
  }
  return { format: "modules", mainModule, modules: parts };
}

/** A service worker has no imports: each part besides the script is a binding's content. */
function serviceWorkerCode(mainModule: string, entry: Module, parts: Module[], bindings: unknown[]): UploadedCode {
  if (entry.type !== "commonjs") {
    throw invalidUpload(`The script "${mainModule}" in service-worker format must be sent as application/javascript.`);
  }
  const bound = new Set(bindings.map((raw) => (raw as { part?: unknown } | null)?.part));
  const loose = parts.find((part) => part !== entry && part.type !== "source-map" && !bound.has(part.name));
  if (loose) {
    throw invalidUpload(
      `Nothing uses the part "${loose.name}": a Worker in service-worker format cannot import modules. Use ES modules instead.`,
    );
  }
  return {
    format: "service-worker",
    mainModule,
    modules: parts.filter((part) => part === entry || part.type === "source-map"),
  };
}

/** The draft of an uploaded version. Error 10021 for dates in the future and names that an alias cannot have. */
export function draftOfUpload(
  scriptName: string,
  { metadata }: Upload,
  code: UploadedCode,
  bindings: Binding[],
  assets: DraftAssets | undefined,
  state: StateChange,
): VersionDraft {
  if (code.modules.length === 0 && !assets) throw noEntry();
  return {
    ...code,
    bindings,
    assets,
    state,
    compatibilityDate: compatibilityDate(metadata.compatibility_date),
    compatibilityFlags: metadata.compatibility_flags ?? [],
    limits: versionLimits(metadata.limits),
    annotations: annotations(scriptName, metadata.annotations),
    metadata: {
      ...versionMetadata(metadata),
      ...(assets && { assets: assets.shown }),
      ...(metadata.exports && { exports: metadata.exports }),
    },
  };
}

/** The draft of a version that differs from an older one in some settings. */
export async function draftOfVersion(
  platform: Platform,
  scriptName: string,
  version: StoredVersion,
  patch: SettingsPatch & { resolvedBindings?: Binding[]; state?: StateChange },
): Promise<VersionDraft> {
  const { record, metadata } = version;
  const { placement, limits } = versionMetadata(patch);
  const kept = await assetsOfVersion(platform, version);
  const assets = kept && patch.assets?.config ? configured(kept, patch.assets.config, record.modules.length > 0) : kept;
  return {
    format: record.format,
    mainModule: record.mainModule,
    modules: record.modules,
    bindings: patch.resolvedBindings ?? record.bindings,
    assets,
    ...(patch.state && { state: patch.state }),
    compatibilityDate:
      patch.compatibility_date === undefined ? record.compatibilityDate : compatibilityDate(patch.compatibility_date),
    compatibilityFlags: patch.compatibility_flags ?? record.compatibilityFlags,
    limits: patch.limits === undefined ? record.limits : versionLimits(patch.limits),
    annotations: annotations(scriptName, patch.annotations),
    metadata: {
      ...without(
        metadata,
        patch.placement === null ? "placement" : undefined,
        patch.limits === null ? "limits" : undefined,
      ),
      ...(placement && { placement }),
      ...(limits && { limits }),
      ...(assets && { assets: assets.shown }),
    },
  };
}

function compatibilityDate(date: string | undefined): string {
  if (date === undefined) return OLDEST_COMPATIBILITY_DATE;
  if (Number.isNaN(Date.parse(date)) || new Date(date).toISOString().slice(0, 10) !== date) {
    throw invalidUpload(`The compatibility date "${date}" is not a date; it has the form YYYY-MM-DD.`);
  }
  const today = new Date().toISOString().slice(0, 10);
  if (date > today)
    throw invalidUpload(`Can't set compatibility date in the future: "${date}". Today is ${today} (UTC).`);
  return date;
}

function versionLimits(limits: SettingsPatch["limits"]): VersionDraft["limits"] {
  return { cpuMs: limits?.cpu_ms ?? DEFAULT_CPU_MS, memoryMb: MEMORY_MB };
}

function annotations(scriptName: string, given: Record<string, string> | undefined): Record<string, string> {
  const alias = given?.["workers/alias"];
  if (alias) aliasName(alias, scriptName);
  return given ?? {};
}

const namedFields = new Set([
  ...Object.keys(metadataSchema.shape),
  "package_dependencies",
  "resolvedBindings",
  "state",
]);

function versionMetadata(metadata: SettingsPatch): VersionMetadata {
  const extra = Object.entries(metadata).filter(([name, value]) => !namedFields.has(name) && value !== undefined);
  return {
    ...(metadata.placement && { placement: metadata.placement }),
    ...(metadata.limits && { limits: metadata.limits }),
    ...(extra.length > 0 && { extra: Object.fromEntries(extra) }),
  };
}

function without<T extends object>(value: T, ...names: (keyof T | undefined)[]): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name as keyof T))) as Partial<T>;
}
