/**
 * Refusals about Durable Object classes. Codes are those of the original's API where they are known
 * (`workers-semantics.md` 3.4, 4.3; the others from what its users report).
 */
import { ApiError } from "../../lib/api.ts";
import { MAX_CLASSES } from "./limits.ts";

const refuse = (status: number, code: number, message: string) => new ApiError(status, { code, message });

export const tagMismatch = (given: string, expected: string) =>
  refuse(
    412,
    10079,
    `Migration tag precondition failed, got tag '${given}' when expected tag is '${expected}'. ` +
      "Someone else may have deployed meanwhile; deploy again, which reads the tag anew.",
  );

export const newClassNotExported = (className: string) =>
  refuse(
    400,
    10070,
    `Cannot apply new-class migration to class '${className}': the code does not export it. ` +
      `Export a class of this name from the entry module.`,
  );

export const targetNotExported = (kind: "renamed" | "transferred", className: string) =>
  refuse(
    400,
    10070,
    `Cannot apply ${kind}-class migration to class '${className}': the code does not export it. ` +
      "Export the new class from the entry module.",
  );

export const classExists = (className: string, why = "it is already depended on by existing Durable Objects") =>
  refuse(
    400,
    10074,
    `Cannot apply a migration to class '${className}': ${why}. Remove the step, or choose another name.`,
  );

export const storageFixed = (className: string, storage: string) =>
  refuse(
    400,
    10074,
    `Cannot apply new-class migration to class '${className}': its objects exist with ${storage} storage, which cannot change. ` +
      "Delete the class first, which removes its data, or create a class of another name.",
  );

export const unknownClass = (kind: "delete" | "rename" | "transfer", className: string, scriptName: string) =>
  refuse(
    400,
    10074,
    `Cannot apply ${kind}-class migration to class '${className}': the Worker "${scriptName}" has no such Durable Object class.`,
  );

export const unknownTransferSource = (scriptName: string, className: string) =>
  refuse(
    400,
    10074,
    `Cannot apply transfer-class migration to class '${className}': there is no Worker "${scriptName}" on your account.`,
  );

export const deletedClassBound = (className: string) =>
  refuse(
    400,
    10061,
    `Cannot apply delete-class migration to class '${className}' without also removing the binding that references it.`,
  );

export const deletedClassUsed = (className: string, by: string[]) =>
  refuse(
    400,
    10061,
    `Cannot apply delete-class migration to class '${className}': other Workers bind it (${by.join(", ")}). ` +
      "Deploy them without the binding first; deleting a class removes all its data.",
  );

export const classNotConfigured = (className: string, scriptName: string) =>
  refuse(
    400,
    10061,
    `Cannot create binding for class '${className}' because it is not currently configured to implement Durable Objects ` +
      `in the Worker "${scriptName}". Add it to a migration (new_sqlite_classes) or to exports, and deploy.`,
  );

export const scriptOfBindingMissing = (className: string, scriptName: string) =>
  refuse(
    400,
    10061,
    `Cannot create binding for class '${className}': the Worker "${scriptName}" does not exist on your account. Deploy it first.`,
  );

export const classNotProvisioned = (className: string) =>
  refuse(
    400,
    10123,
    `Cannot bind class '${className}': no migration has created it yet, and versions that are not deployed at once cannot. ` +
      "Run `wrangler deploy` first.",
  );

export const exportNotProvisioned = (className: string) =>
  refuse(
    400,
    100406,
    `A binding depends on the exported class '${className}', which is not provisioned yet. Run \`wrangler deploy\` first.`,
  );

export const classNoLongerExported = (className: string) =>
  refuse(
    400,
    10064,
    `New version of script does not export class '${className}' which is depended on by existing Durable Objects. ` +
      "Export it, or delete the class with a migration (deleted_classes) or a tombstone in exports, which removes its data.",
  );

export const lifecycleInVersion = () =>
  refuse(
    400,
    10211,
    "This changes which Durable Object classes there are (migrations, exports). Such a change is applied at once and to all traffic: " +
      "use `wrangler deploy` instead.",
  );

export const lifecycleBetween = (versionId: string) =>
  refuse(
    400,
    10211,
    `The version "${versionId}" cannot be deployed: Durable Object classes were created, renamed, transferred or deleted since it was uploaded. ` +
      "Upload its code again with `wrangler deploy`.",
  );

export const versionsDisagree = () =>
  refuse(
    400,
    100405,
    "The versions of this deployment disagree on the Durable Object classes they export. " +
      "Deploy one version at 100 %, or upload them again so that both have the same classes.",
  );

export const migrationsAndExports = () =>
  refuse(400, 10021, 'The metadata has both "migrations" and Durable Objects in "exports"; use one of them.');

export const migrationsAfterExports = () =>
  refuse(
    400,
    10021,
    'The last version of this Worker declares its classes in "exports"; it cannot go back to "migrations".',
  );

export const badLifecycle = (message: string) => refuse(400, 10021, message);

export const tooManyClasses = () =>
  refuse(400, 10021, `The account would have more than ${MAX_CLASSES} Durable Object classes. Delete some first.`);

/** A class changed hands while the upload was being checked. */
export const changedMeanwhile = () =>
  refuse(409, 10035, "The Worker's Durable Object classes were changed by someone else meanwhile. Deploy again.");

export interface ExportFailure {
  class: string;
  scenario: string;
  message: string;
  suggestion?: string;
  referencing_scripts?: string[];
}

/** All that is wrong with declared exports; the client lists `meta.details` (`wrangler-api.md` 2.9). */
export const exportsNotReconciled = (details: ExportFailure[]) =>
  new ApiError(400, {
    code: 100402,
    message: `The exports of this Worker cannot be reconciled: ${details.map((one) => `[${one.scenario}] ${one.class}: ${one.message}`).join(" ")}`,
    meta: { details },
  });

export const namespaceNotFound = (id: string) =>
  refuse(404, 10066, `There is no Durable Object namespace "${id}" on this account.`);

export const badObjectId = (id: string) =>
  refuse(400, 10026, `"${id.slice(0, 80)}" is not the id of a Durable Object; ids have 64 hex digits.`);

export const objectNotFound = (id: string) =>
  refuse(404, 10067, `The namespace has no stored object "${id}". An object is stored once it has written something.`);

export const inspectionRefused = (why: string) => refuse(400, 10026, why);

export const tooManyInspections = () =>
  refuse(429, 10429, "Too many objects are being inspected at once. Repeat this in a few seconds.");
