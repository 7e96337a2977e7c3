import { z } from "zod";
import { route } from "../lib/api.ts";
import type { ApiRoute, Platform } from "../store/platform.ts";
import {
  createDeployHook,
  DEPLOY_HOOKS,
  deleteDeployHook,
  listDeployHooks,
  presentDeployHook,
  requireDeployHook,
} from "./deploy-hooks.ts";
import { deployHookUnavailable, noRepository } from "./errors.ts";
import { MAX_DEPLOY_HOOK_NAME_LENGTH } from "./limits.ts";
import { checkedBranch } from "./names.ts";
import { PROJECTS } from "./project-routes.ts";
import { requireProject } from "./projects.ts";

const hooks = `${PROJECTS}/:project/deploy_hooks`;

const hookSchema = z.strictObject({ name: z.string().min(1).max(MAX_DEPLOY_HOOK_NAME_LENGTH), branch: z.string() });

/** Deploy hooks of a project. */
export const deployHookRoutes: ApiRoute[] = [
  route<Platform>({
    method: "GET",
    path: hooks,
    // Who sees a hook may call it.
    scope: "edit",
    summary: "List a project's deploy hooks, with the addresses to call",
    handle: async ({ platform, accountId, params }) => {
      const project = await requireProject(platform, accountId, params.project ?? "");
      return (await listDeployHooks(platform, project)).map((hook) => presentDeployHook(platform, hook));
    },
  }),
  route<Platform, z.infer<typeof hookSchema>>({
    method: "POST",
    path: hooks,
    scope: "edit",
    summary: "Make a deploy hook: whoever calls its address builds the branch",
    body: hookSchema,
    handle: async ({ platform, accountId, actor, params, body }) => {
      const project = await requireProject(platform, accountId, params.project ?? "");
      if (!project.settings.source) throw noRepository(project.row.name, "A deploy hook builds a branch of one.");
      const branch = checkedBranch(body.branch);
      const hook = await createDeployHook(platform, project, { name: body.name, branch });
      const detail = { name: hook.name, branch };
      await platform.audit({
        accountId,
        actor,
        action: "pages.create-deploy-hook",
        target: project.row.name,
        detail,
      });
      return presentDeployHook(platform, hook);
    },
  }),
  route<Platform>({
    method: "DELETE",
    path: `${hooks}/:hook`,
    scope: "edit",
    summary: "Delete a deploy hook: its address is good no more",
    handle: async ({ platform, accountId, actor, params }) => {
      const project = await requireProject(platform, accountId, params.project ?? "");
      const { name } = await deleteDeployHook(platform, project, params.hook ?? "");
      await platform.audit({
        accountId,
        actor,
        action: "pages.delete-deploy-hook",
        target: project.row.name,
        detail: { name },
      });
      return null;
    },
  }),
  route<Platform>({
    method: "POST",
    path: `${DEPLOY_HOOKS}/:hook`,
    scope: "none",
    summary: "Call a deploy hook: builds are not available yet, so it starts nothing and says so",
    handle: async ({ platform, params }) => {
      const { hook, project } = await requireDeployHook(platform, params.hook ?? "");
      if (!project.settings.source) throw noRepository(project.row.name, "The deploy hook has nothing to build.");
      throw deployHookUnavailable(hook.name, hook.branch);
    },
  }),
];
