/**
 * What a script is to people. `worker`: a Worker. The others have names that no Worker can have, so that everything that names
 * scripts works for them. `pages`: what serves a Pages project; `session`: what a session of remote development runs;
 * `preview`: what a named preview of a Worker runs.
 */
export type ScriptKind = "worker" | "pages" | "session" | "preview";

/**
 * Versions of a script that can be deployed and previewed: the newest ones. 100 of a Worker (`workers-semantics.md` 3.1);
 * the original keeps every deployment of a Pages project reachable, we as many as a snapshot can hold.
 */
export const keptVersions: Record<ScriptKind, number> = { worker: 100, pages: 1000, session: 100, preview: 100 };
