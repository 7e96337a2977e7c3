/** What another Freehold's project has beside its settings: it stays there, and is told of. */
import { listRemote, type RemoteAccount, readRemote } from "./remote.ts";
import type { RemoteProject } from "./source.ts";

/** Of the original the scripts behind a project are its own business. */
export function isFreehold({ name, production_script_name }: RemoteProject): boolean {
  return production_script_name === `pages-worker--${name}`;
}

/** Lines for people. `optional` reads what a token may not be allowed to. */
export async function besideOf(
  remote: RemoteAccount,
  { name, production_script_name = "" }: RemoteProject,
  optional: <T>(read: () => Promise<T>) => Promise<T | undefined>,
): Promise<string[]> {
  const aliases = await optional(() =>
    readRemote<{ alias: string; branch: string; custom: boolean }[]>(
      remote,
      `/pages/projects/${encodeURIComponent(name)}/aliases`,
      `the aliases of "${name}"`,
    ),
  );
  const triggers = await optional(() =>
    readRemote<{ schedules: { cron: string }[] }>(
      remote,
      `/workers/scripts/${production_script_name}/schedules`,
      `the cron triggers of "${name}"`,
    ),
  );
  const queues = await optional(() =>
    listRemote<{ queue_name: string; consumers?: { script?: string }[] }>(remote, "/queues", "its queues", 100),
  );
  const consumed = (queues ?? []).filter(({ consumers = [] }) =>
    consumers.some(({ script }) => script === production_script_name),
  );
  const custom = (aliases ?? []).filter((one) => one.custom);
  return [
    ...custom.map(
      ({ alias, branch }) => `The alias ${alias} of the branch "${branch}" is left out: set it here again.`,
    ),
    ...(triggers?.schedules ?? []).map(({ cron }) => `The cron trigger "${cron}" is left out: set it here again.`),
    ...consumed.map(
      ({ queue_name }) => `The project consumes the queue ${queue_name} there: add the consumer here again.`,
    ),
  ];
}
