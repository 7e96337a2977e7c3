import { backendBinding } from "../backend-binding.ts";
import { BindingError, bindingKind } from "../kind.ts";

/** `env.DB`: workerd's own D1 API over HTTP to the services role (`workerd-bindings.md` 4.3). */
export const d1 = bindingKind({
  types: ["d1"],
  hasProtocol: true,
  // `database_id` is what `wrangler.toml` calls it; some clients send that.
  schema: (z) =>
    z.object({
      name: z.string(),
      type: z.literal("d1"),
      id: z.string().optional(),
      database_id: z.string().optional(),
      internalEnv: z.string().optional(),
    }),
  accept: ({ name, type, id, database_id }, { database }) => {
    const databaseId = id ?? database_id;
    // The client recognizes the text (wrangler-api.md 3.1).
    if (!databaseId || !database(databaseId)) {
      throw new BindingError(`binding ${name} of type d1 must have a valid \`id\` specified`);
    }
    return { name, type, databaseId };
  },
  describe: ({ name, type, databaseId }) => ({ name, type, id: databaseId, database_id: databaseId }),
  launch: ({ name }, context) =>
    backendBinding("d1", name, context, (service) => {
      const innerBindings = [{ name: "fetcher", service }];
      return { name, wrapped: { moduleName: "cloudflare-internal:d1-api", innerBindings } };
    }),
});
