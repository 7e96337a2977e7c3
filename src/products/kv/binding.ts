import { BINDING_HEADER } from "../../workerd/binding-launch.ts";
import { INTERNET } from "../../workerd/network.ts";
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
  launch: ({ name }, { mode, backendsSocket }) => {
    const service = `kv:${name}`;
    return {
      binding: { name, kvNamespace: mode === "inspect" ? INTERNET : service },
      // While code is inspected the binding has its methods and leads nowhere.
      ...(mode === "serve" && {
        services: [
          {
            name: service,
            external: {
              address: `unix:${backendsSocket()}`,
              http: {
                injectRequestHeaders: [
                  { name: BINDING_HEADER, value: encodeURIComponent(name) },
                  // The whole address once more, which nobody reads.
                  { name: "CF-KV-FLPROD-405" },
                ],
              },
            },
          },
        ],
      }),
    };
  },
});
