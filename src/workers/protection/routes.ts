import { z } from "zod";
import { route } from "../../lib/api.ts";
import type { ApiRoute, Platform } from "../../store/platform.ts";
import { changeOf, publish } from "../change.ts";
import { endAccessLinks, linkSchema, makeAccessLink } from "./links.ts";
import { accountProtection, protectionChoices, setAccountProtection } from "./store.ts";

const account = "/accounts/:account/workers/protection";
const links = "/accounts/:account/workers/scripts/:script/access-links";

/** Protected addresses: the account's default, and the links that open them. A script's own choice is a script setting. */
export const protectionRoutes: ApiRoute[] = [
  route<Platform>({
    method: "GET",
    path: account,
    scope: "read",
    summary: "Which addresses are protected of Workers that do not say so themselves",
    handle: async ({ platform, accountId }) => ({ protection: await accountProtection(platform, accountId) }),
  }),
  route({
    method: "PUT",
    path: account,
    scope: "admin",
    summary:
      "Protect no addresses (`off`), version and alias URLs (`previews`), or `all`, of Workers that do not say otherwise",
    body: z.strictObject({ protection: z.enum(protectionChoices) }),
    handle: async (request) => {
      const { platform, accountId, actor, body } = request;
      await setAccountProtection(platform, accountId, body.protection);
      await publish(changeOf(request));
      await platform.audit({ accountId, actor, action: "protection.default", target: accountId, detail: body });
      return body;
    },
  }),
  route({
    method: "POST",
    path: links,
    // A link outlives the token that made it.
    scope: "edit",
    summary: "Make a link, and a token, that open a Worker's protected addresses for a while",
    body: linkSchema,
    handle: (request) => makeAccessLink(changeOf(request), request.body),
  }),
  route<Platform>({
    method: "DELETE",
    path: links,
    scope: "edit",
    summary: "End all links and tokens of a Worker",
    handle: async (request) => {
      await endAccessLinks(changeOf(request));
      return null;
    },
  }),
];
