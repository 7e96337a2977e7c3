/** Refusals of the API of workflows. Codes are the original's where clients read them (`wrangler-api.md` 10) or its engine has them. */
import { ApiError } from "../../lib/api.ts";

const refuse = (status: number, code: number, message: string) => new ApiError(status, { code, message });

export const workflowNotFound = (name: string) =>
  refuse(
    404,
    10200,
    `workflows.api.error.not_found: there is no workflow "${name.slice(0, 80)}" on your account. \`wrangler workflows list\` shows those there are; ` +
      "a workflow is made by deploying the Worker that has its class.",
  );

export const badWorkflowName = (name: string) =>
  refuse(
    400,
    10026,
    `"${name.slice(0, 80)}" cannot be the name of a workflow. A name has 1 to 64 letters, digits, "-" and "_", and starts with a letter, a digit or "_".`,
  );

export const scriptNotFound = (name: string) =>
  refuse(404, 10007, `This Worker does not exist on your account: "${name.slice(0, 80)}". Deploy it first.`);

export const tooManyWorkflows = (limit: number) =>
  refuse(400, 10026, `The account has ${limit} workflows, which is the most. Delete one first.`);

export const jurisdictionFixed = (name: string) =>
  refuse(400, 10209, `The jurisdiction of workflow "${name}" cannot change. Delete the workflow, or use another name.`);

export const badRetention = (text: string) =>
  refuse(
    400,
    10026,
    `"${text.slice(0, 40)}" is not a retention. Give milliseconds, or text such as "3 days", of at most 365 days.`,
  );

export const badFilter = (name: string, text: string, expected: string) =>
  refuse(400, 10026, `Query parameter "${name}" is "${text.slice(0, 40)}". Give ${expected}.`);

export const badInstanceId = (id: string) =>
  refuse(
    400,
    10026,
    `"${id.slice(0, 120)}" cannot be the id of an instance. An id has 1 to 100 letters, digits, "-" and "_", and starts with a letter, a digit or "_".`,
  );

export const badEventType = (type: string) =>
  refuse(
    400,
    10026,
    `"${type.slice(0, 120)}" cannot be the type of an event. A type has 1 to 100 letters, digits, "-" and "_", and starts with a letter, a digit or "_".`,
  );

export const instanceNotFound = (id: string) =>
  refuse(
    404,
    10400,
    `workflows.api.error.instance.not_found: the workflow has no instance "${id.slice(0, 120)}". It may have been deleted, or ended longer ago than its retention.`,
  );

export const versionNotFound = (id: string) =>
  refuse(404, 10200, `workflows.api.error.version.not_found: the workflow has no version "${id.slice(0, 80)}".`);

/** The Worker has no code that runs. */
export const notDeployed = (name: string) =>
  refuse(
    409,
    10200,
    `Workflow "${name}" cannot run: no version of its Worker that has its class is deployed. Deploy one first.`,
  );

export const homeUnavailable = (name: string, why: string) =>
  refuse(503, 10013, `Workflow "${name}" cannot be reached: ${why}. Try again in a few seconds.`);

/** What the engine refused, in its own words where nothing better is known. */
export function refusedByEngine(id: string, message: string): ApiError {
  if (message.includes("instance.not_found")) return instanceNotFound(id);
  if (message.includes("instance.already_exists")) {
    return refuse(
      409,
      10405,
      `workflows.api.error.instance.already_exists: the workflow has an instance "${id}" already. Use another id, or delete it first.`,
    );
  }
  if (message.includes("cannot_resume")) {
    return refuse(409, 10026, `Instance "${id}" is not paused, so it cannot be resumed. (${message})`);
  }
  if (message.includes("cannot_terminate")) {
    return refuse(409, 10026, `Instance "${id}" has ended already, so it cannot be terminated.`);
  }
  if (message.includes("invalid id") || message.includes("invalid_id")) return badInstanceId(id);
  return refuse(400, 10026, message);
}
