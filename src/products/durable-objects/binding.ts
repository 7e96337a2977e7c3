import { BindingError, bindingKind } from "../kind.ts";
import { ownClasses } from "./launch.ts";

/** Code for a binding to a class that no migration has made. */
const CLASS_NOT_CONFIGURED = 10061;

/** A namespace: native where this runner owns it; elsewhere with native ids, and objects that lead to their home. */
export const durableObjectNamespace = bindingKind({
  types: ["durable_object_namespace"],
  schema: (z) =>
    z.object({
      name: z.string(),
      type: z.literal("durable_object_namespace"),
      class_name: z.string().min(1),
      script_name: z.string().optional(),
      environment: z.string().optional(),
      namespace_id: z.string().optional(),
    }),
  accept: ({ name, type, class_name: className, script_name }, { namespace }) => {
    const scriptName = script_name || undefined;
    const namespaceId = namespace(scriptName, className);
    if (namespaceId === undefined) throw notConfigured(name, className, scriptName);
    return { type, name, className, ...(scriptName !== undefined && { scriptName }), namespaceId };
  },
  describe: ({ name, type, className, scriptName, namespaceId }) => ({
    name,
    type,
    class_name: className,
    ...(scriptName !== undefined && { script_name: scriptName }),
    namespace_id: namespaceId,
  }),
  launch: ({ name, namespaceId }, { mode, record, placement, remoteClass }) => {
    const own =
      mode === "serve" && placement.kind !== "none"
        ? ownClasses({ record, placement }).find((candidate) => candidate.namespaceId === namespaceId)
        : undefined;
    // The class's name of today: the binding keeps the one it was uploaded with.
    if (own) return { binding: { name, durableObjectNamespace: { className: own.className } } };
    // A preview must not reach the deployed version's data for want of a class of its own.
    const isOurs = placement.kind === "preview" && placement.classes.some((known) => known.namespaceId === namespaceId);
    return { binding: { name, durableObjectNamespace: remoteClass(namespaceId, !isOurs) } };
  },
});

function notConfigured(name: string, className: string, scriptName: string | undefined): BindingError {
  const remedy =
    scriptName === undefined
      ? `Declare it: add a migration with "new_sqlite_classes": ["${className}"], or list it under "exports".`
      : `Deploy "${scriptName}" with a migration that makes it first.`;
  const owner = scriptName === undefined ? "this Worker" : `Worker "${scriptName}"`;
  return new BindingError(
    `Binding "${name}" cannot be made: ${owner} has no Durable Object class "${className}" that is configured. ${remedy}`,
    CLASS_NOT_CONFIGURED,
  );
}
