import type { DurableObjectExport } from "./declared-exports.ts";
import { isLive } from "./declared-exports.ts";
import type { ExportFailure } from "./errors.ts";
import type { RegisteredClass } from "./lifecycle.ts";
import type { Notice, Reconciliation } from "./reconciliation.ts";

type IsExported = (className: string) => boolean;

/** Declared exports beside the registry. */
export interface Compared {
  declared: Map<string, DurableObjectExport>;
  /** Those of the entries that are sound in themselves. */
  sound: [name: string, entry: DurableObjectExport][];
  /** The script's classes, by name. */
  own: Map<string, RegisteredClass>;
  /** Other scripts that bind the namespace. */
  usersOf(namespaceId: string): string[];
}

/** What only the code can tell: live entries and namespaces without a class, and the reverse. */
export function codeFailures({ declared, sound, own, usersOf }: Compared, isExported: IsExported): ExportFailure[] {
  const failures: ExportFailure[] = [];
  const fail = (className: string, scenario: string, message: string, suggestion: string, by: string[] = []) =>
    failures.push({
      ...{ class: className, scenario, message, suggestion },
      ...(by.length > 0 && { referencing_scripts: by }),
    });
  for (const [name, entry] of sound) {
    const old = own.get(name);
    if (isLive(entry) && !isExported(name)) {
      if (old) {
        fail(
          name,
          "config_export_not_in_code",
          `'${name}' is declared, but the code does not export it.`,
          `export a class '${name}', or replace the entry with a tombstone.`,
        );
      } else {
        fail(
          name,
          "config_references_nonexistent_class",
          `'${name}' is declared, but it is neither in the code nor provisioned.`,
          `remove the entry, or export a class '${name}'.`,
        );
      }
    }
    if (entry.state === "deleted" && old && isExported(name)) {
      fail(
        name,
        "tombstone_delete_class_still_in_code",
        `'${name}' is to be deleted, but the code still exports it.`,
        "remove the class from the code, then deploy the tombstone.",
      );
    }
  }
  for (const { className, namespaceId } of own.values()) {
    if (declared.has(className)) continue;
    if (isExported(className)) {
      fail(
        className,
        "provisioned_class_missing_from_config",
        `A namespace exists for '${className}', which the code exports, but no entry of exports declares it.`,
        "add an entry to keep the namespace, or a tombstone to retire it.",
      );
    } else {
      fail(
        className,
        "orphaned_provisioned_namespace",
        `A namespace exists for '${className}', but neither the code nor exports has the class.`,
        `add a tombstone for '${className}', or add the class to the code and to exports.`,
        usersOf(namespaceId),
      );
    }
  }
  return failures;
}

/** Notices of classes that went while the code still has them. */
export function stillInCode({ renamed, transferred }: Reconciliation, isExported: IsExported): Notice[] {
  const gone = [...renamed.map(({ from }) => from), ...transferred.map((one) => one.class)];
  return gone.filter(isExported).map((name) => ({
    class: name,
    scenario: "tombstone_class_still_in_code",
    message: `The tombstone was applied while the code still exports '${name}', as a change without downtime does.`,
  }));
}
