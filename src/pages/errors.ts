/**
 * Every refusal of this folder. 8000000, 8000007, 8000013, 8000028, 8000035 and 8000096 are the original's (`pages-and-builds.md` 3);
 * those from 8000100 on are our own.
 */
import { ApiError } from "../lib/api.ts";
import * as limits from "./limits.ts";

const refuse = (status: number, code: number, message: string) => new ApiError(status, { code, message });

export const projectNotFound = (name: string) =>
  refuse(
    404,
    8000007,
    `Project not found: "${name}" is none of your Pages projects. \`wrangler pages project list\` shows those there are.`,
  );

export const badUploadToken = (why: string) =>
  refuse(401, 8000013, `The upload token is not valid: ${why}. Ask for another one (\`upload-token\`).`);

export const domainsLeft = (names: string[]) =>
  refuse(409, 8000028, `The project still has custom domains: ${names.join(", ")}. Remove them first.`);

export const aliasedDeployment = (aliases: string[]) =>
  refuse(
    409,
    8000035,
    `The deployment is what ${aliases.join(", ")} shows. Delete it with force (\`--force\`, \`?force=true\`), and the alias ends with it.`,
  );

export const manifestMissing = () =>
  refuse(
    400,
    8000096,
    'The request has no "manifest", which names the files of a deployment. `wrangler pages deploy <directory>` sends one.',
  );

export const projectExists = (name: string) =>
  refuse(409, 8000100, `A project named "${name}" already exists. Choose another name.`);

export const invalidProjectName = (name: string) =>
  refuse(
    400,
    8000101,
    `"${name.slice(0, 80)}" cannot be the name of a project. Use lower-case letters, digits and inner "-", ` +
      `and at most ${limits.MAX_PROJECT_NAME_LENGTH} characters.`,
  );

export const tooManyProjects = () =>
  refuse(400, 8000102, `The account has ${limits.MAX_PROJECTS} projects, and cannot have more. Delete one first.`);

/** Anything wrong with a request, in words for the caller. */
export const invalidRequest = (message: string) => refuse(400, 8000103, message);

export const deploymentNotFound = (id: string) =>
  refuse(
    404,
    8000104,
    `There is no deployment "${id.slice(0, 80)}" of this project; \`wrangler pages deployment list\` shows those there are.`,
  );

export const liveDeployment = () =>
  refuse(
    409,
    8000105,
    "The deployment is the one that production serves, so it cannot be deleted. Deploy or roll back to another one first.",
  );

export const notRollbackTarget = () =>
  refuse(
    400,
    8000106,
    "Only production deployments that succeeded can be rolled back to; previews cannot. Deploy the branch to production instead.",
  );

export const nothingToBuild = () =>
  refuse(
    400,
    8000107,
    "This deployment has no files of its own and would have to be built from its repository, which this Freehold cannot do yet. " +
      "Build it yourself and upload the result with `wrangler pages deploy`.",
  );

export const aliasTaken = (alias: string, branch: string) =>
  refuse(409, 8000108, `The alias "${alias}" shows the branch "${branch}". Remove it there first, or choose another.`);

export const aliasNotFound = (alias: string) =>
  refuse(404, 8000109, `The project has no alias "${alias.slice(0, 80)}" that was given by name.`);

export const domainNotFound = (name: string) =>
  refuse(404, 8000111, `The project has no custom domain "${name.slice(0, 80)}".`);

export const deployHookUnavailable = (name: string, branch: string) =>
  refuse(
    501,
    8000112,
    `The deploy hook "${name}" would build the branch "${branch}" from its repository, which this Freehold cannot do yet: nothing was started. ` +
      "Build where the hook was called from, and upload the result with `wrangler pages deploy`.",
  );

export const deployHookNotFound = () =>
  refuse(404, 8000113, "There is no such deploy hook. Its project's list of `deploy_hooks` shows those there are.");

export const deployHookExists = (name: string) =>
  refuse(409, 8000114, `The project has a deploy hook named "${name}" already. Choose another name, or delete it.`);

export const noRepository = (project: string, why: string) =>
  refuse(
    400,
    8000115,
    `The project "${project}" has no repository. ${why} Connect one first: \`POST …/pages/projects/${project}/source\`.`,
  );

export const repositoryConnected = (repository: string) =>
  refuse(
    409,
    8000116,
    `The project is connected to the repository ${repository}. Disconnect it first: \`DELETE …/source\`.`,
  );

export const deploymentGone = () =>
  refuse(
    400,
    8000117,
    "What was uploaded for this deployment is no longer kept. Upload it again with `wrangler pages deploy`.",
  );

export const nothingToEdit = () =>
  refuse(
    404,
    8000120,
    "Production serves nothing yet, so there is no code to edit. Deploy with `wrangler pages deploy`.",
  );
