import { BINDING_HEADER } from "../../workerd/binding-launch.ts";
import type { Service } from "../../workerd/config.ts";
import { SCHEME_HEADER } from "../assets/binding.ts";

/** Stands where other back-ends have the binding's name; no binding can be called so. */
export const CACHE_CALLER = "@cache";

const CACHE_SERVICE = "cache";

/** What a Worker's `caches` lead to. Every version has them, whatever its bindings. */
export function cacheService(backendsSocket: string): Service {
  return {
    name: CACHE_SERVICE,
    external: {
      address: `unix:${backendsSocket}`,
      http: {
        // The protocol has no scheme, and a cache must not take one for the other.
        forwardedProtoHeader: SCHEME_HEADER,
        injectRequestHeaders: [{ name: BINDING_HEADER, value: CACHE_CALLER }],
      },
    },
  };
}
