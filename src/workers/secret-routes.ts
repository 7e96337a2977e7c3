import { route } from "../lib/api.ts";
import type { ApiRoute, Platform } from "../store/platform.ts";
import { changeOf } from "./change.ts";
import { bindingNotFound } from "./errors.ts";
import { changeSecrets, listSecrets, secretSchema, secretsBulkSchema } from "./secrets.ts";

/** Paths of a script and of its service environment, which older clients use (`wrangler-api.md` 11). */
const bases = [
  "/accounts/:account/workers/scripts/:script",
  "/accounts/:account/workers/services/:script/environments/production",
];

/** Secrets. Each change makes a version and deploys it. */
export const secretRoutes: ApiRoute[] = bases.flatMap((base) => [
  route<Platform>({
    method: "GET",
    path: `${base}/secrets`,
    scope: "read",
    summary: "List the names of secrets",
    handle: ({ platform, accountId, params }) => listSecrets(platform, accountId, params.script ?? ""),
  }),
  route({
    method: "PUT",
    path: `${base}/secrets`,
    scope: "edit",
    summary: "Set a secret",
    body: secretSchema,
    handle: async (request) => {
      const { name, type, text } = request.body;
      await changeSecrets(changeOf(request), { [name]: { type, text } });
      return { name, type };
    },
  }),
  route({
    method: "PATCH",
    path: `${base}/secrets-bulk`,
    scope: "edit",
    summary: "Set and remove secrets together",
    body: secretsBulkSchema,
    handle: async (request) => {
      await changeSecrets(changeOf(request), request.body.secrets);
      return listSecrets(request.platform, request.accountId, request.params.script ?? "");
    },
  }),
  route<Platform>({
    method: "GET",
    path: `${base}/secrets/:secret`,
    scope: "read",
    summary: "Whether there is a secret of this name",
    handle: async ({ platform, accountId, params }) => {
      const names = await listSecrets(platform, accountId, params.script ?? "");
      const secret = names.find(({ name }) => name === params.secret);
      if (!secret) throw bindingNotFound(params.secret ?? "");
      return secret;
    },
  }),
  route<Platform>({
    method: "DELETE",
    path: `${base}/secrets/:secret`,
    scope: "edit",
    summary: "Remove a secret",
    handle: async (request) => {
      await changeSecrets(changeOf(request), { [request.params.secret ?? ""]: null }, { mustExist: true });
      return null;
    },
  }),
]);
