import { BindingError, bindingKind } from "../kind.ts";
import { moduleBinding } from "../module-binding.ts";
import { WORKERS_SCOPE } from "./limits.ts";

/** What the original answers to a binding to a secret or a store that the account does not have. */
const SECRET_NOT_FOUND = 10182;

/** `env.SECRET`, of which `get()` reads the present value (`workerd-bindings.md` 4.18). */
export const secretsStoreSecret = bindingKind({
  types: ["secrets_store_secret"],
  schema: (z) =>
    z.object({
      name: z.string(),
      type: z.literal("secrets_store_secret"),
      store_id: z.string(),
      secret_name: z.string(),
    }),
  accept: ({ name, type, store_id, secret_name }, { secretScopes }) => {
    const scopes = secretScopes(store_id, secret_name);
    if (!scopes) {
      throw new BindingError(
        `Secrets Store binding '${name}' references store '${store_id.slice(0, 80)}' and secret '${secret_name.slice(0, 80)}' which were not found. ` +
          "`wrangler secrets-store secret list <store> --remote` shows those there are.",
        SECRET_NOT_FOUND,
      );
    }
    if (!scopes.includes(WORKERS_SCOPE)) {
      throw new BindingError(
        `Secrets store binding authorization failed. Check your permissions and secret scopes: '${secret_name}' of binding '${name}' lacks the scope "${WORKERS_SCOPE}".`,
      );
    }
    return { name, type, storeId: store_id, secretName: secret_name };
  },
  describe: ({ name, type, storeId, secretName }) => ({ name, type, store_id: storeId, secret_name: secretName }),
  launch: ({ name, secretName }, context) => {
    const settings = [{ name: "secretName", json: JSON.stringify(secretName) }];
    const module = { name: "secret", directory: import.meta.dirname, entrypoint: "Secret", settings };
    return moduleBinding(module, name, context);
  },
});
