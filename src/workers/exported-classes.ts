import type { ExportedEntrypoint } from "../domain/version.ts";

/** Whether code exports a Durable Object class of this name. Older classes extend nothing, so nothing tells them apart. */
export function exportsClass(exports: ExportedEntrypoint[], className: string): boolean {
  return exports.some(({ name, kind }) => name === className && (kind === "durable-object" || kind === "other"));
}

export function exportsWorkflow(exports: ExportedEntrypoint[], className: string): boolean {
  return exports.some(({ name, kind }) => name === className && kind === "workflow");
}
