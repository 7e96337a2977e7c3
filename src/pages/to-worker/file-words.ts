/** What the project's own wrangler file says, beside what the platform knows: the file shall change as little as it can. */
import { isObject } from "../../lib/is-object.ts";
import type { ProjectFiles } from "./project.ts";

type Values = Record<string, unknown>;

/** Keys that an environment of a file does not inherit (`pages-and-builds.md` 1.4). */
const BOUND = [
  ...["vars", "kv_namespaces", "d1_databases", "r2_buckets", "durable_objects", "queues", "services", "vectorize"],
  ...["analytics_engine_datasets", "ai", "browser", "hyperdrive", "mtls_certificates", "version_metadata", "images"],
];
const SETTINGS = ["compatibility_date", "compatibility_flags", "limits", "placement"];

/** Whether the file is more than one for development: it is a Pages project's, or that of the Worker which it has become. */
export function isInForce({ pages_build_output_dir, assets }: Values): boolean {
  return pages_build_output_dir !== undefined || assets !== undefined;
}

/** Variables, bindings and settings of production: `known` is what the platform has. Where the file is in force, its word goes first. */
export function productionOf(name: string, { before }: Pick<ProjectFiles, "before">, known: Values): Values {
  const { production } = (before.env ?? {}) as { production?: Values };
  const inForce = isInForce(before);
  const said: Values = withoutOwnScript(name, picked(production ?? before, BOUND));
  if (inForce) Object.assign(said, picked({ ...before, ...production }, SETTINGS));
  const keys = [...new Set([...Object.keys(known), ...Object.keys(said)])];
  return defined(keys.map((key) => [key, merged(said[key], known[key], inForce)]));
}

/** What the file says of previews, which the platform knows only after a deployment to one; undefined when it says nothing. */
export function previewOf(name: string, { before }: Pick<ProjectFiles, "before">): Values | undefined {
  const { preview, production } = (before.env ?? {}) as { preview?: Values; production?: Values };
  if (!preview && !isInForce(before)) return undefined;
  // Without an environment of their own they have the top level, which is production's from now on.
  return withoutOwnScript(name, preview ?? (production ? picked(before, BOUND) : {}));
}

/** Names that a file for development binds, and the project does not. */
export function developmentOnly({ before }: Pick<ProjectFiles, "before">, known: Values): string[] {
  if (isInForce(before)) return [];
  const names = (values: Values): string[] =>
    Object.values(picked(values, BOUND)).flatMap((value) =>
      Array.isArray(value)
        ? value.map(nameOf)
        : Object.entries(value as Values).flatMap(([key, one]) => (Array.isArray(one) ? one.map(nameOf) : [key])),
    );
  const there = new Set(names(known));
  return names(before).filter((one) => !there.has(one));
}

/** Durable Object classes that are bound without a script: the project's own. */
export function ownClassesOf({ durable_objects }: Values): string[] {
  const { bindings = [] } = (durable_objects ?? {}) as { bindings?: Values[] };
  return bindings.filter(({ script_name }) => script_name === undefined).map(({ class_name }) => String(class_name));
}

function merged(said: unknown, known: unknown, inForce: boolean): unknown {
  if (said === undefined) return known;
  if (known === undefined) return inForce ? said : undefined;
  if (Array.isArray(said) && Array.isArray(known)) {
    if (![...said, ...known].every(isObject)) return inForce ? said : known;
    const other = (list: Values[], one: Values) => list.find((another) => nameOf(another) === nameOf(one));
    const both = said.flatMap((one: Values) => {
      const ours = other(known, one);
      return inForce ? [one] : ours ? [withDetails(one, ours)] : [];
    });
    return [...both, ...known.filter((one: Values) => !other(said, one))];
  }
  if (!isObject(said) || !isObject(known)) return inForce ? said : known;
  const keys = [...new Set([...Object.keys(said), ...Object.keys(known)])];
  return defined(keys.map((key) => [key, merged(said[key], known[key], inForce)]));
}

/** A binding as the platform has it, with what only a file says of it, such as `preview_id` or `migrations_dir`. */
function withDetails(said: Values, known: Values): Values {
  const isSame = said.database_id === known.database_id && said.database_name !== undefined;
  const { script_name: _, ...details } = said;
  return { ...details, ...known, ...(isSame && { database_name: said.database_name }) };
}

/** The project's name meant the project itself; a Worker's own classes are named without a script. */
function withoutOwnScript(name: string, values: Values): Values {
  const { bindings } = (values.durable_objects ?? {}) as { bindings?: Values[] };
  if (!bindings) return values;
  const own = bindings.map(({ script_name, ...one }) =>
    script_name === undefined || script_name === name ? one : { ...one, script_name },
  );
  return { ...values, durable_objects: { ...(values.durable_objects as Values), bindings: own } };
}

const nameOf = (one: unknown): string => String((one as Values).binding ?? (one as Values).name);

function picked(from: Values, keys: string[]): Values {
  return defined(keys.map((key) => [key, from[key]]));
}

function defined(entries: [string, unknown][]): Values {
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}
