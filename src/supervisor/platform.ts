import { once } from "node:events";
import { extname, join } from "node:path";
import { type Config, configEnvironment } from "../domain/config.ts";
import type { PlatformStatus } from "../domain/messages.ts";
import { paths } from "../domain/paths.ts";
import type { PlanLaunch } from "../workerd/plan.ts";
import { DatabaseHosts } from "./database-hosts.ts";
import { detectHost } from "./host.ts";
import { DRAIN_TIMEOUT_MS } from "./limits.ts";
import { RoleMembers } from "./members.ts";
import { planner } from "./planner.ts";
import { RunnerPool } from "./pool.ts";
import { hasProc } from "./proc.ts";
import { ProcessList } from "./process-list.ts";
import { readHomes, readObserved } from "./published.ts";
import { Role, type RoleChannel, type RoleName } from "./role.ts";
import { Validator } from "./validate.ts";
import { compileCache } from "./warm.ts";
import { Watchdog } from "./watchdog.ts";

export interface PlatformOptions {
  /** Takes lines for the operator. */
  log(line: string): void;
  /** Program and arguments of a role's process. */
  roleCommand?: ((role: RoleName) => readonly [string, ...string[]]) | undefined;
  planLaunch: PlanLaunch;
  /** File with where the roles' imports lead. */
  knownImports?: string | undefined;
}

/** From the first spawn until all roles are ready. */
const READY_TIMEOUT_MS = 60_000;

/** What control and services may still take once no request comes from outside any more. */
const INNER_DRAIN_TIMEOUT_MS = 10_000;

/** All processes of a running platform, and what they may ask of the supervisor. */
export class Platform {
  readonly config: Config;
  #roles: Role[];
  #members = new RoleMembers(() => this.#roles);
  #runtime: ReturnType<typeof startRuntime>;
  #generation: number | undefined;
  #stopped: Promise<void> | undefined;

  /** Starts everything. The port in the configuration must be free. */
  constructor(config: Config, options: PlatformOptions) {
    this.config = config;
    const processes = new ProcessList(paths(config).runnerPids);
    this.#runtime = startRuntime(config, options, this.#members, processes);
    // Who needs it awaits it; until then a failure is not unhandled.
    this.#runtime.catch(() => {});
    const names: RoleName[] = ["control", "services", ...Array<RoleName>(config.edges).fill("edge")];
    this.#roles = names.map(
      (role) =>
        new Role({
          role,
          command: (options.roleCommand ?? roleCommand)(role),
          env: {
            ...process.env,
            ...configEnvironment(config),
            NODE_COMPILE_CACHE: compileCache(config),
            FREEHOLD_KNOWN_IMPORTS: options.knownImports,
            // What threads of Node freed in memory of their own would stay: 4 MB in all.
            MALLOC_ARENA_MAX: "2",
          },
          serve: (channel) => this.#serve(channel),
          onReady: (ready) => this.#bringUpToDate(ready),
          onStart: (pid) => processes.add(pid, `role:${role}`),
          onEnd: (pid) => {
            processes.remove(pid);
            if (role === "services") void this.#servicesEnded();
          },
          log: options.log,
        }),
    );
  }

  /** Resolves when all roles serve and runners can be started. Throws when they do not get there. */
  async ready(): Promise<void> {
    const timeout = AbortSignal.timeout(READY_TIMEOUT_MS);
    const late = once(timeout, "abort").then(() => {
      throw new Error(`the platform was not ready within ${READY_TIMEOUT_MS / 1000} s`);
    });
    await Promise.race([late, Promise.all([this.#runtime, ...this.#roles.map((role) => role.firstReady)])]);
    void (await this.#runtime).pool.begin();
  }

  async status(): Promise<PlatformStatus> {
    const { host, pool } = await this.#runtime;
    return {
      processes: this.#roles.flatMap((role) => role.status()),
      runners: pool.status(),
      sandbox: host.bubblewrap ? "bubblewrap" : "none",
      cpuLimit: hasProc ? "cpu-time" : "wall-time",
    };
  }

  /** Ends everything: edges once their requests are done, then the rest. All calls get the same promise. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    const stop = (name: RoleName, drainMs: number) =>
      Promise.all(this.#roles.filter((role) => role.name === name).map((role) => role.stop(drainMs)));
    await stop("edge", DRAIN_TIMEOUT_MS);
    await Promise.all([
      stop("control", INNER_DRAIN_TIMEOUT_MS),
      this.#runtime.then(
        ({ pool, validator }) => {
          validator.stop();
          return pool.stop();
        },
        () => {},
      ),
    ]);
    await stop("services", INNER_DRAIN_TIMEOUT_MS);
    await this.#runtime.then(
      ({ databases }) => databases.stop(),
      () => {},
    );
  }

  /** Only the services process that asked for hosts knows them, and only it has those who watch. */
  async #servicesEnded(): Promise<void> {
    try {
      const { databases, pool } = await this.#runtime;
      void pool.watch([]);
      await databases.endAll();
    } catch {
      // The platform did not start.
    }
  }

  #serve(channel: RoleChannel): void {
    channel.handle("acquire", async ({ versionId }) => (await this.#runtime).pool.acquire(versionId));
    channel.handle("verdict", async ({ instanceId }) => ({
      cause: await (await this.#runtime).pool.verdict(instanceId),
    }));
    channel.handle("validate", async ({ record }) => (await this.#runtime).validator.validate(record));
    channel.handle("retire", async ({ versionIds }) => {
      (await this.#runtime).pool.retire(versionIds);
      return {};
    });
    channel.handle("publish", async ({ generation }) => {
      this.#generation = generation;
      const { pool } = await this.#runtime;
      const { homes, observed } = paths(this.config);
      const replaceStale = pool.useHomes(readHomes(homes));
      await this.#members.routes(generation);
      replaceStale();
      await pool.observe(readObserved(observed));
      return {};
    });
    channel.handle("trace", async ({ scripts, opened }) => ({
      silent: await (await this.#runtime).pool.watch(scripts, opened),
    }));
    channel.handle("exceeded", (request) => {
      this.#members.exceeded(request);
      return {};
    });
    channel.handle("discardState", async ({ stateIds }) => {
      await (await this.#runtime).pool.discardState(stateIds);
      return {};
    });
    channel.handle("databaseHost", async ({ hostId, accountId, kind }) => ({
      socket: await (await this.#runtime).databases.start(hostId, accountId, kind),
    }));
    channel.handle("endDatabaseHost", async ({ hostId }) => {
      await (await this.#runtime).databases.end(hostId);
      return {};
    });
    channel.handle("counts", async () => ({ edges: await this.#members.counts() }));
    channel.handle("status", () => this.status());
  }

  /** Tells a process that just started what it may have missed. */
  async #bringUpToDate({ name, channel }: Role): Promise<void> {
    if (name === "control" || !channel) return;
    if (this.#generation !== undefined) await channel.call("routes", { generation: this.#generation });
    if (name !== "services") return;
    const { pool } = await this.#runtime;
    await Promise.all(pool.attachments().map((attachment) => channel.call("attach", attachment)));
  }
}

async function startRuntime(config: Config, options: PlatformOptions, members: RoleMembers, processes: ProcessList) {
  const files = paths(config);
  const host = await detectHost(config);
  if (!host.flock) options.log("there is no flock program, so the state of Durable Objects is not locked (see doctor)");
  const plan = planner(config, host, options.planLaunch);
  const around = { host, blobs: files.blobs, watchdog: new Watchdog(), processes };
  return {
    host,
    pool: new RunnerPool({
      ...{ ...around, config, plan, members, log: options.log },
      ...{ homes: readHomes(files.homes), observed: readObserved(files.observed) },
    }),
    validator: new Validator({ ...around, plan, instance: files.instance }),
    databases: new DatabaseHosts({ config, host, processes, log: options.log }),
  };
}

function roleCommand(role: RoleName): readonly [string, ...string[]] {
  // The same file type as this one: TypeScript as it is, or JavaScript once built.
  const entry = join(import.meta.dirname, "..", `main${extname(import.meta.filename)}`);
  // Without it, loading the modules makes the heap's youngest part grow by 6 to 11 MB, which stay. Edges load few, and need it for speed.
  const heap = role === "edge" ? [] : ["--max-semi-space-size=2"];
  return [process.execPath, ...heap, entry, `role:${role}`];
}
