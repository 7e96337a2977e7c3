import { isObject } from "../../lib/is-object.ts";
import { bindingMaps } from "../../pages/environment.ts";

/** One line for each thing that will not be as it was. */
export function differences(before: object, wanted: Record<string, unknown>): string[] {
  const old = before as Record<string, unknown>;
  const plain = ["production_branch", "build_config", "source"].filter(
    (key) => wanted[key] !== undefined && !isEmpty(wanted[key]) && !covers(old[key], wanted[key]),
  );
  const environments = Object.entries(wanted.deployment_configs as Record<string, Record<string, unknown>>);
  const configs = (old.deployment_configs ?? {}) as Record<string, Record<string, unknown> | undefined>;
  return [
    ...plain,
    ...environments.flatMap(([name, environment]) =>
      Object.entries(environment).flatMap(([key, value]) => {
        const now = configs[name]?.[key];
        const isMap = key === "env_vars" || (bindingMaps as readonly string[]).includes(key);
        if (!isMap) return same(now, value) ? [] : [`${name}: ${key}`];
        return Object.entries(value as object)
          .filter(([entry, said]) => !same((now as Record<string, unknown> | null | undefined)?.[entry], said))
          .map(([entry]) => `${name}: ${key === "env_vars" ? "variable" : key} ${entry}`);
      }),
    ),
  ];
}

/** Whether all that is wanted is there already. */
function covers(now: unknown, wanted: unknown): boolean {
  if (!isObject(wanted)) return same(now, wanted);
  return Object.entries(wanted).every(([key, value]) =>
    covers((now as Record<string, unknown> | null | undefined)?.[key], value),
  );
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

/** With the keys of objects in order. */
function sorted(value: unknown): unknown {
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** The fields that say something. */
export function picked(from: Record<string, unknown>, keys: string[]): Record<string, unknown> {
  return Object.fromEntries(keys.filter((key) => !isEmpty(from[key])).map((key) => [key, from[key]]));
}

export function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === "") return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}
