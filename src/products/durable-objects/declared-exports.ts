import { z } from "zod";
import { MAX_CLASS_NAME_LENGTH, MAX_LIFECYCLE_ENTRIES } from "./limits.ts";

/** One class of `metadata.exports` (`wrangler-api.md` 2.9). Which fields go together is checked with the rest. */
const durableObjectExport = z.looseObject({
  type: z.literal("durable-object"),
  state: z.enum(["created", "deleted", "renamed", "transferred", "expecting-transfer"]).default("created"),
  storage: z.enum(["sqlite", "legacy-kv"]).optional(),
  renamed_to: z.string().optional(),
  transferred_to: z.string().optional(),
  transfer_from: z.string().optional(),
});
export type DurableObjectExport = z.infer<typeof durableObjectExport>;

/** `metadata.exports`: what the code exports, by name. Other types than classes are other products'. */
export const exportsSchema = z
  .record(
    z.string().min(1).max(MAX_CLASS_NAME_LENGTH),
    z.union([durableObjectExport, z.looseObject({ type: z.string().refine((type) => type !== "durable-object") })]),
  )
  .refine((map) => Object.keys(map).length <= MAX_LIFECYCLE_ENTRIES, `has more than ${MAX_LIFECYCLE_ENTRIES} entries`);

/** The classes among declared exports. */
export function declaredClasses(exports: Record<string, unknown>): Map<string, DurableObjectExport> {
  const isClass = (entry: unknown): entry is DurableObjectExport =>
    (entry as { type?: unknown } | null)?.type === "durable-object";
  return new Map(Object.entries(exports).flatMap(([name, entry]) => (isClass(entry) ? [[name, entry] as const] : [])));
}

/** Whether the entry declares a class that is there, or is to come, rather than one that goes. */
export function isLive({ state }: DurableObjectExport): boolean {
  return state === "created" || state === "expecting-transfer";
}

/** Fields besides `type` and `state` that an entry must have; all others are refused. */
const FIELDS = {
  created: ["storage"],
  deleted: [],
  renamed: ["renamed_to"],
  transferred: ["transferred_to"],
  "expecting-transfer": ["storage", "transfer_from"],
} as const;

const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;

/** What is wrong with an entry in itself; undefined when it is sound. */
export function entryProblem(
  declared: Map<string, DurableObjectExport>,
  name: string,
  entry: DurableObjectExport,
): string | undefined {
  const needed: readonly string[] = FIELDS[entry.state];
  for (const field of ["storage", "renamed_to", "transferred_to", "transfer_from"] as const) {
    if (needed.includes(field) && !entry[field]) return `An entry in state "${entry.state}" needs "${field}".`;
    if (!needed.includes(field) && entry[field] !== undefined)
      return `An entry in state "${entry.state}" cannot have "${field}".`;
  }
  if (!IDENTIFIER.test(name)) return `'${name}' is not the name of a class.`;
  if (entry.state !== "renamed") return undefined;
  const target = declared.get(entry.renamed_to ?? "");
  if (entry.renamed_to === name) return "A class cannot be renamed to itself.";
  if (target?.state !== "created") return `'${entry.renamed_to}', the new name, must have a live entry in exports.`;
  const others = [...declared].filter(([, other]) => other.renamed_to === entry.renamed_to);
  return others.length > 1 ? `Several entries are renamed to '${entry.renamed_to}'.` : undefined;
}
