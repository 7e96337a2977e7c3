import { backendBinding } from "../backend-binding.ts";
import { BindingError, bindingKind } from "../kind.ts";

/** What the original answers to a binding to a namespace that the account does not have. */
const NAMESPACE_NOT_FOUND = 10041;

/** `env.KV`: workerd's own KV API over HTTP to the services role (`workerd-bindings.md` 4.1). */
export const kv = bindingKind({
  types: ["kv_namespace"],
  hasProtocol: true,
  schema: (z) =>
    z.object({
      name: z.string(),
      type: z.literal("kv_namespace"),
      namespace_id: z.string(),
    }),
  accept: ({ name, type, namespace_id }, { kvNamespace }) => {
    if (!kvNamespace(namespace_id)) {
      throw new BindingError(
        `KV namespace "${namespace_id.slice(0, 80)}" of binding "${name}" not found. \`wrangler kv namespace list\` shows those there are.`,
        NAMESPACE_NOT_FOUND,
      );
    }
    return { name, type, namespaceId: namespace_id };
  },
  describe: ({ name, type, namespaceId }) => ({ name, type, namespace_id: namespaceId }),
  launch: ({ name }, context) =>
    // The header removed is the whole address once more.
    backendBinding("kv", name, context, (kvNamespace) => ({ name, kvNamespace }), ["CF-KV-FLPROD-405"]),
});
