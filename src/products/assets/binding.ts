import { INTERNET } from "../../workerd/network.ts";
import { bindingKind } from "../kind.ts";

const SERVICE = "assets";

/** `env.ASSETS`: the version's own assets, answered by the code that the edge answers with. */
export const assets = bindingKind({
  types: ["assets"],
  schema: (z) => z.object({ name: z.string(), type: z.literal("assets") }),
  accept: ({ name, type }) => ({ name, type }),
  describe: (binding) => ({ ...binding }),
  launch: ({ name }, { mode, assetsSocket }) => {
    // While code is inspected the binding has its methods and leads nowhere.
    if (mode === "inspect") return { binding: { name, service: INTERNET } };
    return {
      binding: { name, service: SERVICE },
      services: [
        {
          name: SERVICE,
          external: {
            address: `unix:${assetsSocket()}`,
            // Redirects depend on the scheme of the URL that the Worker asked for; x-forwarded-proto is the Worker's own.
            http: { forwardedProtoHeader: "x-forwarded-scheme" },
          },
        },
      ],
    };
  },
});
