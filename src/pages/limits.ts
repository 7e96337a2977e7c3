/** Numbers of Pages (`pages-and-builds.md` 1.5, 2.3) unless said otherwise. */

/** Projects of one account. Documented: 100, soft. Ours, so that a snapshot stays small. */
export const MAX_PROJECTS = 1_000;
/** Length of a project's name: with a random suffix it is a DNS label. */
export const MAX_PROJECT_NAME_LENGTH = 58;
/** Length of a branch's alias before a suffix. */
export const MAX_ALIAS_LENGTH = 28;
/** Length of an alias that a person gives: a DNS label. */
export const MAX_CUSTOM_ALIAS_LENGTH = 63;
/** Aliases of one project that people gave. Ours. */
export const MAX_CUSTOM_ALIASES = 100;
/** Failed deployments that a project keeps, and for how long. Ours: what was uploaded for them is kept with them. */
export const MAX_FAILED_DEPLOYMENTS = 25;
export const FAILED_DEPLOYMENT_DAYS = 30;
/** Deploy hooks of one project. Ours. */
export const MAX_DEPLOY_HOOKS = 100;
/** As of Workers' deploy hooks (`pages-and-builds.md` 7.5). */
export const MAX_DEPLOY_HOOK_NAME_LENGTH = 58;
export const MAX_BRANCH_LENGTH = 250;
export const MAX_COMMIT_MESSAGE_BYTES = 384;
/** Length of a commit's hash: SHA-256 in hex. */
export const MAX_COMMIT_HASH_LENGTH = 64;
/** Text of each small file of a deployment: `_routes.json`, the routing of Functions. Ours. */
export const MAX_FILE_CHARS = 2_000_000;
/** Settings of one project as JSON. Ours: a Worker's bindings may have 1 MB. */
export const MAX_SETTINGS_BYTES = 2_500_000;
/** Body of one upload of contents: 40 MiB in base64 with their names around. */
export const MAX_CONTENTS_BYTES = 60_000_000;
/** Hashes of one call: as many as a deployment may have files. Ours. */
export const MAX_HASHES = 1_000_000;
/** Lifetime of an upload token in seconds. */
export const UPLOAD_TOKEN_LIFE_SECONDS = 3_600;
