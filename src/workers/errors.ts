/**
 * Every refusal of this folder: code, HTTP status, message with the remedy. Codes are those that the
 * client or the original's documentation knows (`wrangler-api.md` 10, `workers-semantics.md` 4.3).
 */
import { ApiError, type ApiFailure } from "../lib/api.ts";
import type { ScriptRow } from "../store/schema.ts";
import * as limits from "./limits.ts";

const mb = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(2)} MiB`;
const refuse = (status: number, code: number, message: string) => new ApiError(status, { code, message });

export const scriptNotFound = (name: string) =>
  refuse(404, 10007, `This Worker does not exist on your account: "${name}". Deploy it first.`);

export const environmentNotFound = (name: string) =>
  refuse(404, 10092, `There is no environment "${name}"; every Worker has exactly one, named "production".`);

export const versionNotFound = (id: string) =>
  refuse(404, 100146, `There is no version "${id}" of this Worker; \`wrangler versions list\` shows those there are.`);

export const deploymentNotFound = (id: string) =>
  refuse(
    404,
    100147,
    `There is no deployment "${id}" of this Worker; \`wrangler deployments list\` shows those there are.`,
  );

export const deploymentNotActive = (id: string) =>
  refuse(
    409,
    100150,
    `The deployment "${id}" is not the active one, so it cannot have a plan; \`wrangler deployments status\` shows which is.`,
  );

export const planNotFound = (deployment: string) =>
  refuse(
    404,
    100148,
    `The deployment "${deployment}" is not part of a plan. Give the active deployment one with PUT …/deployments/<id>/plan.`,
  );

export const planEnded = ({ status, reason }: { status: string; reason: string | null }) =>
  refuse(409, 100149, `The plan has ended: ${status.replace("_", " ")}${reason ? ` (${reason})` : ""}.`);

export const invalidScriptName = (name: string) =>
  refuse(
    400,
    10016,
    `"${name}" cannot be the name of a Worker. Use lower-case letters, digits, "-" and "_", start with a letter, a digit or "_", ` +
      `and use at most ${limits.MAX_SCRIPT_NAME_LENGTH} characters.`,
  );

export const notAWorker = ({ name, kind }: ScriptRow) =>
  refuse(
    400,
    10016,
    kind === "session"
      ? `"${name}" is a session of remote development; it ends by itself.`
      : `"${name}" serves a Pages project: its code, variables and settings are the project's. ` +
          "Change them there (`wrangler pages deploy`, `wrangler pages secret put`); versions and deployments can be changed here.",
  );

export const reservedScriptName = (name: string, prefix: string) =>
  refuse(
    400,
    10016,
    `"${name}" cannot be the name of a Worker: names that begin with "${prefix}" are those of the platform's own scripts. Choose another.`,
  );

export const unreadableBody = (why: string) => refuse(400, 10026, `The request body cannot be read: ${why}`);

/** Anything wrong with what was uploaded; the client shows the message as it is. */
export const invalidUpload = (message: string) => refuse(400, 10021, message);

export const bodyTooLarge = () =>
  refuse(
    413,
    10027,
    `The upload is larger than ${limits.MAX_UPLOAD_BYTES / 1_000_000} MB. Leave out files that the Worker does not import.`,
  );

export const tooManyUploads = () =>
  refuse(429, 10429, "Too many uploads are being received at once. Repeat this one in a few seconds.");

export const scriptTooLarge = (modules: { name: string; size: number }[], total: number) => {
  const largest = modules.toSorted((a, b) => b.size - a.size).slice(0, 5);
  return refuse(
    413,
    10027,
    `The Worker has ${mb(total)} of modules; at most ${mb(limits.MAX_MODULES_BYTES)} are allowed. ` +
      `The largest: ${largest.map(({ name, size }) => `${name} (${mb(size)})`).join(", ")}.`,
  );
};

/** A refusal by those who know more: the runtime, or the product behind a binding. */
export const refusedBy = ({ code, message }: { code: number; message: string }) => refuse(400, code, message);

/** A feature of the original that is still to come. */
export const unavailable = (what: string) => refuse(400, 10021, `${what} not available yet on this Freehold.`);

export const bindingWithoutName = (index: number) =>
  refuse(
    400,
    10052,
    `Binding number ${index + 1} has no name. Give every binding a name that is a JavaScript identifier.`,
  );

export const bindingNameTaken = (name: string) =>
  refuse(400, 10053, `Binding name '${name}' already in use. Please use a different name and try again.`);

export const bindingNotFound = (name: string) =>
  refuse(404, 10056, `There is no secret named '${name}'; \`wrangler secret list\` shows those there are.`);

/** One error for each name; the client reads the names from the messages. */
export const invalidInherit = (names: [string, ...string[]]) => {
  const failure = (name: string): ApiFailure => ({
    code: 10057,
    message: `inherit binding '${name}' is invalid: the version to inherit from has no binding of that name.`,
  });
  const [first, ...more] = names;
  return new ApiError(400, failure(first), ...more.map(failure));
};

export const assetsWithoutToken = () =>
  invalidUpload(
    'The metadata has "assets" without a "jwt". Upload the files first (`assets-upload-session`) and give the completion token, ' +
      'or keep those of the version before with "keep_assets".',
  );

export const assetsBindingWithoutAssets = (name: string) =>
  invalidUpload(
    `The binding '${name}' of type assets needs static assets, and this version has none. ` +
      "Set `assets.directory`, or remove the binding.",
  );

export const bindingsWithoutCode = (names: string[]) =>
  invalidUpload(
    `This version has static assets only, so no code can use its bindings: ${names.join(", ")}. ` +
      "Set `main` to a Worker script, or remove the bindings.",
  );

export const serviceNotFound = (binding: string, service: string) =>
  refuse(
    400,
    10143,
    `The service binding '${binding}' names the Worker "${service}", which does not exist on your account. ` +
      "Deploy it first, or mend the name.",
  );

export const serviceEnvironment = (binding: string, environment: string) =>
  refuse(
    400,
    10092,
    `The service binding '${binding}' names the environment "${environment}"; every Worker has exactly one, named "production". ` +
      "Leave the environment out, and bind the Worker that wrangler deploys for it by its own name.",
  );

export const tailConsumerNotFound = (service: string, environment?: string) =>
  refuse(
    400,
    100152,
    environment === undefined || environment === limits.ENVIRONMENT
      ? `The Tail Worker "${service}" does not exist on your account. Deploy it first, or mend the name in tail_consumers.`
      : `The Tail Worker "${service}" has no environment "${environment}"; every Worker has exactly one, named "production". ` +
          "Leave the environment out, and name the Worker that wrangler deploys for it.",
  );

export const tailConsumerWithoutHandler = (service: string) =>
  refuse(
    400,
    100153,
    `"${service}" cannot be a Tail Worker: its newest version has no tail() handler in ES module format. ` +
      "Add one to its default export, deploy it, and try again.",
  );

export const consumesTails = (name: string, of: string[]) =>
  refuse(
    409,
    10064,
    `"${name}" is the Tail Worker of other Workers: ${of.join(", ")}. Take it out of their tail_consumers first, ` +
      "or delete with force (`wrangler delete --force`, `?force=true`); nobody is told of their invocations then.",
  );

export const referenced = (name: string, by: string[]) =>
  refuse(
    409,
    10064,
    `"${name}" is used by other Workers: ${by.join(", ")} bind${by.length === 1 ? "s" : ""} it as a service. ` +
      "Remove those bindings first, or delete with force (`wrangler delete --force`, `?force=true`), which breaks them.",
  );

export const referencedClasses = (name: string, by: string[]) =>
  refuse(
    409,
    10064,
    `Durable Object classes of "${name}" are used by other Workers: ${by.join(", ")}. ` +
      "Remove those bindings first, or delete with force (`wrangler delete --force`, `?force=true`), which breaks them.",
  );

/** The client begins a new session. */
export const sessionExpired = (why: string) =>
  refuse(
    400,
    10049,
    `The token of this session of remote development is no good: ${why}. Start \`wrangler dev\` again for a new one.`,
  );

export const noRemotePort = () =>
  refuse(
    400,
    10405,
    "Remote development needs this platform on port 443, the only one that its client connects to. " +
      "Start Freehold with FREEHOLD_HTTPS_PORT=443, and trust its certificate; `freehold doctor` says how.",
  );

export const consumesQueues = (name: string, queues: string[]) =>
  refuse(
    409,
    10064,
    `"${name}" consumes queues: ${queues.join(", ")}. Remove it there first ` +
      `(\`wrangler queues consumer worker remove ${queues[0]} ${name}\`), or delete with force (\`wrangler delete --force\`, ` +
      "`?force=true`), which leaves their messages without a consumer.",
  );

export const latestNotDeployed = (code: 10214 | 10215) =>
  refuse(
    400,
    code,
    "The latest version of this Worker is not the one deployed, so a change to it would deploy code that was only uploaded. " +
      "Deploy the latest version first, or use `wrangler versions secret`, which makes a version without deploying it.",
  );

export const splitDeployment = (code: 10214 | 10215) =>
  refuse(
    400,
    code,
    "This Worker's traffic is split between several versions, so it is not clear which one to change. " +
      "Deploy one version at 100 % first, or use `wrangler versions secret`, which makes a version without deploying it.",
  );

export const contentChanged = () =>
  refuse(
    412,
    100151,
    "Somebody deployed other code since this edit began, so it is not deployed. Read the code again and make the change in it.",
  );

export const noCodeToEdit = () =>
  invalidUpload("There is no code to edit: static assets alone are served. Deploy some code first.");

export const resourceMissing = (versionId: string, { code, message }: { code: number; message: string }) =>
  refuse(
    400,
    code,
    `The version "${versionId}" cannot be deployed, for it binds what is no longer there. ${message} Deploy its code again: a binding without an id gets a new one, and one with an id has to name another.`,
  );

export const tooManyVersions = (count: number, most: number) =>
  invalidUpload(
    `This deployment has ${count} versions; at most ${most} may share the requests. ` +
      "Leave some out; the operator sets the limit with FREEHOLD_MAX_DEPLOYMENT_VERSIONS.",
  );

export const secretsChanged = (names: string[]) =>
  refuse(
    400,
    10220,
    `This version was uploaded with other secrets than the ones now deployed; repeat with force=true to deploy it all the same. ` +
      `The following secrets have changed: ${names.join(", ")}`,
  );

export const noVersions = (name: string) =>
  refuse(404, 10222, `The Worker "${name}" has no versions yet. Upload one first.`);

/** Committed, but edges did not confirm: the client may repeat the call. `cause`: in words that everybody may read. */
export const notRouted = (cause = "") =>
  refuse(
    503,
    10013,
    `The change is stored, but not all edges route by it yet${cause && ` (${cause})`}. They will as soon as they can; ` +
      "it is safe to repeat the call. If it stays so, `freehold doctor` says why.",
  );

export const nothingToPurge = () =>
  refuse(
    400,
    1012,
    "The request names nothing to purge. It must have one of purge_everything, files, prefixes, hosts and tags.",
  );
