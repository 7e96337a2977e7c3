import { INTERNET } from "../../workerd/network.ts";
import { bindingKind } from "../kind.ts";

const SERVICE = "assets";

/**
 * Says the scheme of the URL that the Worker asked for, on which redirects depend. The runtime sets it, over whatever the
 * Worker's own request has under this name; `x-forwarded-proto` is the Worker's own.
 */
export const SCHEME_HEADER = "x-forwarded-scheme";

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
            http: { forwardedProtoHeader: SCHEME_HEADER },
          },
        },
      ],
    };
  },
});
