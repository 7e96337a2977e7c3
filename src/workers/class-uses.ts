import type { LaunchRecord } from "../domain/version.ts";
import type { ClassUse } from "../products/durable-objects/exports.ts";
import { activeRecords } from "../store/active-records.ts";
import type { Platform } from "../store/platform.ts";

/** Bindings of Durable Object classes in the active deployments of an account's scripts, but for `except`. */
export async function classUses(platform: Platform, accountId: string, except: string): Promise<ClassUse[]> {
  const active = await activeRecords(platform.db, accountId, except);
  return active.flatMap(({ name, record }) => usesOf(name, record));
}

function usesOf(script: string, { bindings }: LaunchRecord): ClassUse[] {
  return bindings.flatMap((binding) =>
    binding.type === "durable_object_namespace"
      ? [
          {
            script,
            className: binding.className,
            of: binding.scriptName ?? script,
            namespaceId: binding.namespaceId,
          },
        ]
      : [],
  );
}
