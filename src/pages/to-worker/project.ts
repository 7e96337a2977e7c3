import type { FunctionRoutes } from "../../products/assets/routes-json.ts";
import type { Environment } from "../environment.ts";

/** An environment as the API shows it: secrets without values. */
export type ShownEnvironment = Omit<Environment, "env_vars"> & {
  env_vars?: Record<string, { type: string; value: string }> | null;
};

/** What the platform knows of a project, as far as a Worker needs it. */
export interface MovedProject {
  name: string;
  production: ShownEnvironment;
  preview: ShownEnvironment;
  /** Whether production has code. */
  usesFunctions: boolean;
  /** Which paths start production's code; undefined when it has none. */
  routes: FunctionRoutes | undefined;
  crons: string[];
  /** Consumers of queues in a wrangler file's words. */
  consumers: ({ queue: string } & Record<string, unknown>)[];
  /** Custom domains; `zoned`: in a zone of the platform, which a Worker's must be. `branch` undefined: production. */
  domains: { name: string; zoned: boolean; branch: string | undefined }[];
  /** Routes on a part of a host, by their patterns. */
  workerRoutes: string[];
  /** Settings of the script, in a wrangler file's words. */
  settings: Record<string, unknown>;
  /** Settings of the script that no wrangler file has, such as who may see it. */
  ownSettings: Record<string, unknown>;
  /** Names of the account's D1 databases by id. */
  databases: ReadonlyMap<string, string>;
  /** Durable Object classes of the account. */
  classes: { id: string; className: string; script: string }[];
}

/** What is in the project's directory. */
export interface ProjectFiles {
  /** Path of the deployed directory, as the file says it. */
  directory: string;
  /** The entry of advanced mode below the deployed directory: `_worker.js`, or a file in it. */
  worker: string | undefined;
  /** There is a `functions/`. */
  hasFunctions: boolean;
  /** Paths of `404.html` below the deployed directory. */
  notFoundPages: string[];
  /** The file is there. */
  hasRoutesFile: boolean;
  /** Texts; empty when there is none. */
  headers: string;
  ignored: string;
  /** The wrangler file as it is; empty when there is none that can be read. */
  before: Record<string, unknown>;
}
