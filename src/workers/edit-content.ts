/** New code for what is there, all else as it is: what editors of deployed code do. */

import type { ApiRequest } from "../lib/api.ts";
import { uploadBlobs } from "../products/assets/asset-blobs.ts";
import type { Platform } from "../store/platform.ts";
import type { ScriptRow } from "../store/schema.ts";
import { refusePartBindings } from "./bindings.ts";
import { changeOf } from "./change.ts";
import { activeDeployment } from "./deployments.ts";
import { contentChanged, noCodeToEdit } from "./errors.ts";
import { reviseVersion } from "./revise-version.ts";
import type { NewVersion } from "./store-version.ts";
import { readContentForm, type Upload } from "./upload-form.ts";
import { auditVersion } from "./uploads.ts";
import { draftOfVersion, type UploadedCode, uploadedCode } from "./version-draft.ts";
import { hasCode, requireNewestVersion, requireVersion, type StoredVersion } from "./versions.ts";

/** Code to put in the place of other code. */
export interface NewContent {
  upload: Upload;
  code: UploadedCode;
  /** Throws error 100151 (412) unless the code is what the editor began with, if it said so (`If-Match`). */
  checkUnchanged(before: StoredVersion): void;
}

/** Errors: 10021, 10026, 10027. */
export async function readContent({ raw, platform }: ApiRequest<Platform, unknown>): Promise<NewContent> {
  const upload = await readContentForm(raw, uploadBlobs(platform));
  const wanted = raw.headers.get("if-match");
  return {
    upload,
    code: uploadedCode(upload),
    checkUnchanged({ record, row }) {
      if (!hasCode(record)) throw noCodeToEdit();
      if (wanted && wanted !== "*" && !wanted.includes(`"${row.etag}"`)) throw contentChanged();
    },
  };
}

/** A version of the newest one's settings and files with other code, deployed. Errors: 10007, 10016, 10214, 100151, those of an upload. */
export async function editWorker(
  request: ApiRequest<Platform, unknown>,
  { upload, code, checkUnchanged }: NewContent,
): Promise<NewVersion> {
  const change = changeOf(request);
  const { created } = await reviseVersion(change, {
    triggeredBy: "upload",
    deploy: true,
    refusalCode: 10214,
    async draft(newest) {
      checkUnchanged(newest);
      if (code.format === "modules") refusePartBindings(newest.record.bindings);
      const { annotations } = upload.metadata;
      const draft = await draftOfVersion(change.platform, change.scriptName, newest, {
        ...(annotations && { annotations }),
      });
      return { ...draft, ...code };
    },
  });
  if (!created) throw new Error("an edit made no version");
  await auditVersion(change, "script.edit", created);
  return created;
}

/** What people see when they ask for a script's code: the newest version; of a Pages project what production serves. */
export async function shownVersion(platform: Platform, script: ScriptRow): Promise<StoredVersion> {
  if (script.kind !== "pages") return requireNewestVersion(platform, script);
  const shares = (await activeDeployment(platform, script))?.shares ?? [];
  const [largest] = shares.toSorted((a, b) => b.percentage - a.percentage);
  return largest ? requireVersion(platform, script, largest.versionId) : requireNewestVersion(platform, script);
}
