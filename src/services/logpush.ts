import type { Config } from "../domain/config.ts";
import type { paths } from "../domain/paths.ts";
import { loadMasterKey, unseal } from "../lib/seal.ts";
import type { PublishedJob } from "../observe/logpush/job.ts";
import { Logpush } from "../observe/logpush/logpush.ts";
import { Uploader, type UploaderParts } from "../observe/logpush/upload.ts";
import type { ObservedScripts } from "../observe/observed.ts";
import { GuardedAgent, ReachableAddresses } from "../workerd/guarded-agent.ts";
import { readIfThere } from "./snapshot.ts";

export interface LogpushOfFileParts extends Pick<UploaderParts, "buckets" | "keys"> {
  config: Pick<Config, "logpush" | "allowPrivate">;
  files: Pick<ReturnType<typeof paths>, "logpush" | "logpushJobs" | "masterKey">;
  observed: Pick<ObservedScripts, "find">;
}

/** Pushes for the jobs that control wrote to its file. */
export class LogpushOfFile extends Logpush {
  readonly #files: LogpushOfFileParts["files"];
  #text: string | undefined;

  constructor({ config, files, observed, buckets, keys }: LogpushOfFileParts) {
    const agent = new GuardedAgent(new ReachableAddresses(config.allowPrivate));
    const uploader = new Uploader({ buckets, keys, agent });
    super({
      root: files.logpush,
      observed,
      ...config.logpush,
      upload: (accountId, destination, upload) => uploader.upload(accountId, destination, upload),
      log: (line) => console.error(line),
    });
    this.#files = files;
  }

  /**
   * Takes over the file as it is now. Throws when it cannot be read. Without one nothing is known of jobs, before control's first
   * start and in a copy that is put back, so what waits for them stays.
   */
  async reload(): Promise<void> {
    const text = await readIfThere(this.#files.logpushJobs);
    // It is read with every change of routes, and seldom says anything new.
    if (text === undefined || text === this.#text) return;
    const published: PublishedJob[] = JSON.parse(text);
    const masterKey = published.length === 0 ? Buffer.alloc(0) : loadMasterKey(this.#files.masterKey);
    this.load(published.map(({ sealed, ...job }) => ({ ...job, destination: unseal(masterKey, { sealed }) })));
    this.#text = text;
  }
}
