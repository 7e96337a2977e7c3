import { z } from "zod";
import { type Config, securePortSuffix } from "../domain/config.ts";
import { isWithin } from "../domain/host-name.ts";
import { ApiError, route } from "../lib/api.ts";
import type { ApiRoute, Platform } from "../store/platform.ts";
import { RESERVED_SUBDOMAINS } from "../workers/zones.ts";

/** The client's own rule (`wrangler-api.md` 2.2). */
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** The account's label in the host names of its Workers. */
export const subdomainRoutes: ApiRoute[] = [
  route<Platform>({
    method: "GET",
    path: "/accounts/:account/workers/subdomain",
    scope: "read",
    summary: "The account's Workers subdomain, in the form that makes the client's URLs open",
    handle: async ({ platform, accountId }) => {
      const { subdomain } = await platform.db
        .selectFrom("accounts")
        .select("subdomain")
        .where("id", "=", accountId)
        .executeTakeFirstOrThrow();
      return { subdomain: advertised(platform.config, subdomain) };
    },
  }),

  route<Platform, { subdomain: string }>({
    method: "PUT",
    path: "/accounts/:account/workers/subdomain",
    scope: "admin",
    summary: "Renames the account's Workers subdomain; URLs with the old name end",
    body: z.object({ subdomain: z.string().max(500) }),
    handle: async ({ platform, actor, accountId, body }) => {
      const label = labelOf(platform.config, body.subdomain);
      const holder = await holderOf(platform, label);
      if (holder !== undefined && holder !== accountId) throw taken(label);
      if (holder === undefined) {
        await platform.db.updateTable("accounts").set({ subdomain: label }).where("id", "=", accountId).execute();
        await platform.audit({ accountId, actor, action: "subdomain.rename", target: label });
        await platform.runtime.publish();
      }
      return { subdomain: advertised(platform.config, label) };
    },
  }),

  route<Platform>({
    method: "GET",
    path: "/accounts/:account/workers/subdomains/:name",
    scope: "read",
    summary: "Whether a subdomain is free: always a refusal, 10032 when it is, 10031 when it is not",
    handle: async ({ platform, params }) => {
      const label = labelOf(platform.config, params.name ?? "");
      if ((await holderOf(platform, label)) !== undefined) throw taken(label);
      throw new ApiError(404, {
        code: 10032,
        message: `The subdomain "${label}" is available. PUT workers/subdomain takes it.`,
      });
    },
  }),
];

/**
 * What makes the URL that the client prints open. It appends `.workers.dev` to this and prefixes the
 * script and `https://`; behind `/#` its suffix becomes a fragment, which browsers do not send (1.8).
 */
function advertised(config: Config, label: string): string {
  return `${label}.${config.domain}${securePortSuffix(config)}/#`;
}

/** The bare label, also when someone pasted more of the URL. Throws when there is none. */
function labelOf(config: Config, text: string): string {
  const label = text
    .trim()
    .toLowerCase()
    .replace(/^https?:\/\//, "")
    .replace(/(\/.*)?(\.workers\.dev)?\/?$/, "")
    .replace(/:\d+$/, "");
  const suffix = `.${config.domain}`;
  const bare = label.endsWith(suffix) ? label.slice(0, -suffix.length) : label;
  if (LABEL.test(bare)) return bare;
  const message = `"${text.slice(0, 80)}" is no subdomain. Give one label of letters, digits and inner hyphens, at most 63 characters.`;
  throw new ApiError(400, { code: 10026, message });
}

/** Who has the label: an account's id, or "" for one that the platform keeps for itself. */
async function holderOf(platform: Platform, label: string): Promise<string | undefined> {
  if (RESERVED_SUBDOMAINS.has(label) || (await coversDomains(platform, label))) return "";
  const row = await platform.db.selectFrom("accounts").select("id").where("subdomain", "=", label).executeTakeFirst();
  return row?.id;
}

/** Whether zones or custom domains have names that the label would make the platform's own. */
async function coversDomains({ db, config }: Platform, label: string): Promise<boolean> {
  const name = `${label}.${config.domain}`;
  const zones = await db.selectFrom("zones").select("name").execute();
  const domains = await db.selectFrom("custom_domains").select("hostname").execute();
  return [...zones.map((zone) => zone.name), ...domains.map(({ hostname }) => hostname)].some((one) =>
    isWithin(one, name),
  );
}

function taken(label: string): ApiError {
  return new ApiError(409, { code: 10031, message: `The subdomain "${label}" is taken. Choose another.` });
}
