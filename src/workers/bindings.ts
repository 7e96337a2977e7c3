import type { Binding, Module } from "../domain/version.ts";
import { checkBindings, parseBinding, serviceTargets } from "../products/index.ts";
import type { Platform } from "../store/platform.ts";
import {
  bindingNameTaken,
  bindingWithoutName,
  invalidInherit,
  invalidUpload,
  refusedBy,
  serviceEnvironment,
  serviceNotFound,
} from "./errors.ts";
import { ENVIRONMENT } from "./limits.ts";
import type { BindableState } from "./state-changes.ts";

export interface BindingsContext {
  platform: Platform;
  accountId: string;
  scriptName: string;
  /** Parts of the upload that bindings may name. */
  parts: Module[];
  /** What bindings of Durable Objects, workflows and databases may name. */
  state: BindableState;
  /** Bindings of the newest version: what `inherit` and `keepTypes` mean by default. */
  previous: Binding[];
  /** Bindings of another version of the script that `inherit` names; error 100146 when there is none. */
  bindingsOf(versionId: string): Promise<Binding[]>;
  /** Types to carry over when the upload does not name them. */
  keepTypes: string[];
  /** A name that cannot be inherited is an error (10057); otherwise it is left out, as with the original. */
  strictInherit: boolean;
}

/** Types that every upload carries over: people set them apart from the code (`wrangler-api.md` 2.11). */
export const alwaysKept = ["secret_text", "secret_key"];

type NamedBinding = Record<string, unknown> & { name: string };

/**
 * The bindings of a new version from what the upload says and what the version before it had.
 * Errors: 10021, 10052 to 10055, 10057, 10143.
 */
export async function resolveBindings(raws: unknown[], context: BindingsContext): Promise<Binding[]> {
  const given = raws.map(namedBinding);
  const names = new Set<string>();
  for (const { name } of given) {
    if (names.has(name)) throw bindingNameTaken(name);
    names.add(name);
  }
  const inherited = await inherit(
    given.filter(({ type }) => type === "inherit"),
    context,
  );
  const parsed = given.filter(({ type }) => type !== "inherit").map((raw) => parse(raw, context));
  const kept = context.previous.filter(({ name, type }) => context.keepTypes.includes(type) && !names.has(name));
  await checkServices(parsed, context);
  const bindings = [...inherited, ...parsed, ...kept];
  const refusal = checkBindings(bindings);
  if (refusal) throw refusedBy(refusal);
  return bindings;
}

function namedBinding(raw: unknown, index: number): NamedBinding {
  const name = typeof raw === "object" && raw !== null && "name" in raw ? raw.name : undefined;
  if (typeof name !== "string" || name === "") throw bindingWithoutName(index);
  return raw as NamedBinding;
}

function parse(raw: NamedBinding, { platform, parts, state }: BindingsContext): Binding {
  const parsed = parseBinding(raw, {
    ...state,
    seal: platform.seal,
    part: (name) => parts.find((part) => part.name === name),
  });
  if ("refusal" in parsed) throw refusedBy(parsed.refusal);
  return parsed.binding;
}

/** `old_name` inherits under a new name, `version_id` from a version other than the newest. */
async function inherit(raws: NamedBinding[], context: BindingsContext): Promise<Binding[]> {
  const missing: string[] = [];
  const found: Binding[] = [];
  for (const { name, old_name, version_id } of raws) {
    const isOther = typeof version_id === "string" && version_id !== "latest";
    const from = isOther ? await context.bindingsOf(version_id) : context.previous;
    const wanted = typeof old_name === "string" ? old_name : name;
    const binding = from.find((candidate) => candidate.name === wanted);
    if (binding) found.push({ ...binding, name });
    else missing.push(name);
  }
  const [first, ...more] = missing;
  if (first !== undefined && context.strictInherit) throw invalidInherit([first, ...more]);
  return found;
}

/** Services that the upload itself binds must exist; those that it inherits were checked when they were bound. */
async function checkServices(bindings: Binding[], { platform, accountId, scriptName }: BindingsContext): Promise<void> {
  const targets = serviceTargets(bindings);
  if (targets.length === 0) return;
  const rows = await platform.db
    .selectFrom("scripts")
    .select("name")
    .where("account_id", "=", accountId)
    .where("name", "in", [...new Set(targets.map(({ service }) => service))])
    .execute();
  const known = new Set([scriptName, ...rows.map(({ name }) => name)]);
  for (const { name, service } of targets) {
    if (!known.has(service)) throw serviceNotFound(name, service);
  }
  for (const binding of bindings) {
    if (binding.type !== "service" || binding.environment === undefined) continue;
    if (binding.environment !== ENVIRONMENT) throw serviceEnvironment(binding.name, binding.environment);
  }
}

/** Parts as globals exist in service-worker format only; a module imports them. */
export function refusePartBindings(bindings: Binding[]): void {
  const part = bindings.find(({ type }) => type === "wasm_module" || type === "text_blob" || type === "data_blob");
  if (part) {
    throw invalidUpload(
      `The binding '${part.name}' of type ${part.type} needs service-worker format; import the file instead.`,
    );
  }
}
