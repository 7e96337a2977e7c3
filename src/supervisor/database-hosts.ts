import { type ChildProcess, execFile, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { join, normalize } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import type { Config } from "../domain/config.ts";
import type { HostKind } from "../domain/messages.ts";
import { paths } from "../domain/paths.ts";
import { programPath, programRoot } from "../products/hosts/program.ts";
import { type HostSettings, hostSettings } from "./host-kinds.ts";
import { publishSockets, removeInstance } from "./instance-files.ts";
import { STDERR_BYTES, STDERR_BYTES_PER_SECOND } from "./limits.ts";
import type { ProcessList } from "./process-list.ts";
import type { RunnerHost } from "./sandbox.ts";
import { Tail } from "./tail.ts";

const run = promisify(execFile);

const SOCKET = "db.sock";
const START_TIMEOUT_MS = 10_000;
/** A host that starts is killed only once it listens, or after this time. */
const KILL_PATIENCE_MS = 2000;
/** Hosts at a time; services has a smaller bound for each account. */
const MAX_HOSTS = 200;
const TMP_BYTES = 16 * 1024 * 1024;

interface DatabaseHost {
  accountId: string;
  child: ChildProcess;
  ready: Promise<string>;
  ended: Promise<void>;
}

export interface DatabaseHostsOptions {
  config: Config;
  host: RunnerHost;
  processes: ProcessList;
  log(line: string): void;
}

/**
 * The hosts of data: Node processes that serve D1 databases, or data points, of one account each. Nothing is lost when one is
 * killed: what it has acknowledged is on disk.
 */
export class DatabaseHosts {
  readonly #options: DatabaseHostsOptions;
  readonly #files: ReturnType<typeof paths>;
  readonly #hosts = new Map<string, DatabaseHost>();
  /** By the files whose libraries they are. */
  readonly #libraries = new Map<string, Promise<string[]>>();
  #stopped = false;

  constructor(options: DatabaseHostsOptions) {
    this.#options = options;
    this.#files = paths(options.config);
  }

  /** Path of the host's socket, once it listens. Starts the host when there is none of this name. Throws when it does not start. */
  async start(hostId: string, accountId: string, kind: HostKind = "d1"): Promise<string> {
    // Both become parts of paths.
    if (!/^[\w-]{1,40}$/.test(hostId) || !/^[0-9a-f]{32}$/.test(accountId)) throw new Error("the ids are malformed");
    const known = this.#hosts.get(hostId);
    if (known) {
      if (known.accountId !== accountId) throw new Error(`host ${hostId} serves another account`);
      return known.ready;
    }
    if (this.#stopped) throw new Error("the platform is stopping");
    if (this.#hosts.size >= MAX_HOSTS) throw new Error("too many database hosts are running");
    const settings = hostSettings(kind, accountId, this.#options.config);
    const libraries = await this.#librariesOf([
      process.execPath,
      ...(settings.program.packages ?? []).flatMap(({ natives }) => natives),
    ]);
    return (this.#hosts.get(hostId) ?? this.#launch(hostId, accountId, settings, libraries)).ready;
  }

  /** Kills the host; resolves when it is gone. */
  async end(hostId: string): Promise<void> {
    const host = this.#hosts.get(hostId);
    if (!host) return;
    // bubblewrap takes what it started along, but not in its first moments: the part inside would wait for it for ever.
    await Promise.race([host.ready.catch(() => {}), host.ended, delay(KILL_PATIENCE_MS, undefined, { ref: false })]);
    host.child.kill("SIGKILL");
    await host.ended;
  }

  /** Kills all of them. */
  async endAll(): Promise<void> {
    await Promise.all([...this.#hosts.keys()].map((hostId) => this.end(hostId)));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.endAll();
  }

  status(): { hostId: string; accountId: string; pid: number }[] {
    return [...this.#hosts].map(([hostId, { accountId, child }]) => ({ hostId, accountId, pid: child.pid ?? 0 }));
  }

  #launch(hostId: string, accountId: string, settings: HostSettings, libraries: string[]): DatabaseHost {
    const { processes, host } = this.#options;
    const directory = this.#files.instance(hostId);
    const own = join(directory, "in");
    mkdirSync(own, { recursive: true, mode: 0o700 });
    if (settings.data !== undefined) mkdirSync(settings.data, { recursive: true, mode: 0o700 });
    const command = this.#command(own, settings, libraries);
    const filter = host.bubblewrap?.seccomp === undefined ? undefined : openSync(host.bubblewrap.seccomp, "r");
    const child = spawn("/bin/sh", command, {
      stdio: ["pipe", "pipe", "pipe", filter ?? "ignore"],
      env: { TZ: "UTC" },
      detached: true,
    });
    if (filter !== undefined) closeSync(filter);
    const stderr = new Tail(child.stderr as Readable, STDERR_BYTES, STDERR_BYTES_PER_SECOND);
    if (child.pid !== undefined) processes.add(child.pid, own);
    // Ends what is inside, should it not have been taken along.
    child.once("exit", () => child.stdin?.destroy());
    const ended = new Promise<void>((resolve) => {
      child.once("error", () => resolve());
      // Not `exit`: that is bubblewrap's. The host inside has ended when nobody holds its output any more.
      child.once("close", () => resolve());
    }).then(async () => {
      this.#hosts.delete(hostId);
      if (child.pid !== undefined) processes.remove(child.pid);
      await removeInstance(directory);
    });
    const ready = this.#listening(child, directory).catch((error: Error) => {
      child.kill("SIGKILL");
      throw new Error(`the database host did not start: ${lastWords(stderr.toString()) || error.message}`);
    });
    // Who asked for it awaits it.
    ready.catch(() => {});
    const started: DatabaseHost = { accountId, child, ready, ended };
    this.#hosts.set(hostId, started);
    void ended.then(() => {
      const words = lastWords(stderr.toString());
      if (words !== "") this.#options.log(`database host ${hostId}: ${words}`);
    });
    return started;
  }

  async #listening(child: ChildProcess, directory: string): Promise<string> {
    const timer = setTimeout(() => child.kill("SIGKILL"), START_TIMEOUT_MS);
    try {
      await new Promise<void>((resolve, reject) => {
        child.stdout?.once("data", () => resolve());
        child.once("error", reject);
        child.once("exit", () => reject(new Error("it ended")));
      });
      // Out of the directory that the host may write to, so that it cannot put anything else in its place.
      await publishSockets(directory, [SOCKET]);
      return join(directory, SOCKET);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Arguments of the shell, which sets limits and becomes the program. */
  #command(own: string, settings: HostSettings, libraries: string[]): string[] {
    const { bubblewrap } = this.#options.host;
    const { program, data, heapMb, maxDataBytes } = settings;
    const at = bubblewrap
      ? { node: "/node", program: `/host/${program.main}`, own: "/in", data: data && "/data" }
      : { node: process.execPath, program: programPath(program), own, data };
    const node = [
      at.node,
      ...[`--max-old-space-size=${heapMb}`, "--max-semi-space-size=4", "--disable-warning=ExperimentalWarning"],
      ...[at.program, join(at.own, SOCKET), ...(at.data === undefined ? [] : [at.data]), ...settings.arguments],
    ];
    const limits = `ulimit -c 0; ulimit -d ${maxDataBytes / 1024}`;
    return [
      "-c",
      `${limits}; exec "$@"`,
      "sh",
      ...(bubblewrap ? this.#sandbox(own, settings, libraries) : []),
      ...node,
    ];
  }

  #sandbox(own: string, { program, data, writable }: HostSettings, libraries: string[]): string[] {
    const { bubblewrap } = this.#options.host;
    if (!bubblewrap) return [];
    const { directories, packages = [] } = program;
    return [
      bubblewrap.program,
      ...["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-net"],
      ...["--uid", "65534", "--gid", "65534", "--hostname", "database"],
      ...["--die-with-parent", "--new-session", "--as-pid-1", "--cap-drop", "ALL"],
      ...["--clearenv", "--setenv", "TZ", "UTC"],
      ...(bubblewrap.seccomp ? ["--seccomp", "3"] : []),
      ...libraries.flatMap((file) => ["--ro-bind", file, file]),
      ...["--ro-bind", process.execPath, "/node"],
      ...directories.flatMap((directory) => ["--ro-bind", join(programRoot, directory), `/host/${directory}`]),
      ...packages.flatMap(({ name, directory }) => ["--ro-bind", directory, `/host/node_modules/${name}`]),
      ...["--proc", "/proc"],
      ...["null", "zero", "random", "urandom"].flatMap((name) => ["--dev-bind", `/dev/${name}`, `/dev/${name}`]),
      ...["--size", String(TMP_BYTES), "--tmpfs", "/tmp"],
      ...["--bind", own, "/in"],
      ...(data === undefined ? [] : [writable ? "--bind" : "--ro-bind", data, "/data"]),
      ...["--remount-ro", "/proc", "--remount-ro", "/", "--chdir", data === undefined ? "/in" : "/data"],
    ];
  }

  /** Libraries of programs, to be shown in the sandbox. */
  #librariesOf(programs: string[]): Promise<string[]> {
    const key = programs.join("\n");
    let found = this.#libraries.get(key);
    if (!found) {
      found = this.#options.host.bubblewrap ? findLibraries(programs) : Promise.resolve([]);
      this.#libraries.set(key, found);
    }
    return found;
  }
}

/** A library that lies beside the file that needs it is there already. */
async function findLibraries(programs: string[]): Promise<string[]> {
  const { stdout } = await run("ldd", programs, { timeout: 5000 });
  const paths = stdout.split("\n").flatMap((line) => /(?:=>\s*|^\s+)(\/\S+)(?= \()/.exec(line)?.[1] ?? []);
  return [...new Set(paths.map((path) => normalize(path)))].filter((path) => !programs.includes(path));
}

/** What a process said at its end: V8 says why it gives up, then prints its stack. */
export function lastWords(text: string): string {
  const lines = text.trimEnd().split("\n");
  return lines.findLast((line) => line.startsWith("FATAL ERROR")) ?? lines.at(-1) ?? "";
}
