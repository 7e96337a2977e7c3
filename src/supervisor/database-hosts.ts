import { type ChildProcess, execFile, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import type { Config } from "../domain/config.ts";
import { paths } from "../domain/paths.ts";
import { databaseHostProgram } from "../products/d1/host-program.ts";
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
const MIB = 1024 * 1024;
/** V8 heap: results on their way out. */
const HEAP_MB = 128;
/**
 * `RLIMIT_DATA`: the bound of SQLite's own memory, whose heap limits do nothing in Node's build. Measured: 565 MiB when
 * idle, nearly all mapped ahead of use; 640 with 100 databases open and read. So a sort of 100 to 200 MB still works, and
 * a larger one fails with SQLITE_NOMEM.
 */
const MAX_DATA_BYTES = 850 * MIB;
const TMP_BYTES = 16 * MIB;

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
 * The SQLite hosts: Node processes that serve D1 databases of one account each. Nothing is lost when one is killed:
 * what it has acknowledged is on disk.
 */
export class DatabaseHosts {
  readonly #options: DatabaseHostsOptions;
  readonly #files: ReturnType<typeof paths>;
  readonly #hosts = new Map<string, DatabaseHost>();
  #libraries: Promise<string[]> | undefined;
  #stopped = false;

  constructor(options: DatabaseHostsOptions) {
    this.#options = options;
    this.#files = paths(options.config);
  }

  /** Path of the host's socket, once it listens. Starts the host when there is none of this name. Throws when it does not start. */
  async start(hostId: string, accountId: string): Promise<string> {
    // Both become parts of paths.
    if (!/^[\w-]{1,40}$/.test(hostId) || !/^[0-9a-f]{32}$/.test(accountId)) throw new Error("the ids are malformed");
    const known = this.#hosts.get(hostId);
    if (known) {
      if (known.accountId !== accountId) throw new Error(`host ${hostId} serves another account`);
      return known.ready;
    }
    if (this.#stopped) throw new Error("the platform is stopping");
    if (this.#hosts.size >= MAX_HOSTS) throw new Error("too many database hosts are running");
    this.#libraries ??= this.#findLibraries();
    const libraries = await this.#libraries;
    return (this.#hosts.get(hostId) ?? this.#launch(hostId, accountId, libraries)).ready;
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

  #launch(hostId: string, accountId: string, libraries: string[]): DatabaseHost {
    const { processes, host } = this.#options;
    const directory = this.#files.instance(hostId);
    const own = join(directory, "in");
    const databases = this.#files.databases(accountId);
    mkdirSync(own, { recursive: true, mode: 0o700 });
    mkdirSync(databases, { recursive: true, mode: 0o700 });
    const command = this.#command(own, databases, libraries);
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
  #command(own: string, databases: string, libraries: string[]): string[] {
    const { host, config } = this.#options;
    const { bubblewrap } = host;
    const { retentionMs, maxBytes } = {
      retentionMs: config.state.timeTravelMs,
      maxBytes: config.state.maxDatabaseBytes,
    };
    const program = databaseHostProgram;
    const at = bubblewrap
      ? { node: "/node", program: `/host/${program.main}`, own: "/in", databases: "/databases" }
      : { node: process.execPath, program: join(program.directory, program.main), own, databases };
    const node = [
      at.node,
      ...[`--max-old-space-size=${HEAP_MB}`, "--max-semi-space-size=4", "--disable-warning=ExperimentalWarning"],
      ...[at.program, join(at.own, SOCKET), at.databases],
      ...[retentionMs, maxBytes].map(String),
    ];
    const limits = `ulimit -c 0; ulimit -d ${MAX_DATA_BYTES / 1024}`;
    return [
      "-c",
      `${limits}; exec "$@"`,
      "sh",
      ...(bubblewrap ? this.#sandbox(own, databases, libraries) : []),
      ...node,
    ];
  }

  #sandbox(own: string, databases: string, libraries: string[]): string[] {
    const { bubblewrap } = this.#options.host;
    if (!bubblewrap) return [];
    return [
      bubblewrap.program,
      ...["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-net"],
      ...["--uid", "65534", "--gid", "65534", "--hostname", "database"],
      ...[
        "--die-with-parent",
        "--new-session",
        "--as-pid-1",
        "--cap-drop",
        "ALL",
        "--clearenv",
        "--setenv",
        "TZ",
        "UTC",
      ],
      ...(bubblewrap.seccomp ? ["--seccomp", "3"] : []),
      ...libraries.flatMap((file) => ["--ro-bind", file, file]),
      ...["--ro-bind", process.execPath, "/node", "--ro-bind", databaseHostProgram.directory, "/host"],
      ...["--proc", "/proc"],
      ...["null", "zero", "random", "urandom"].flatMap((name) => ["--dev-bind", `/dev/${name}`, `/dev/${name}`]),
      ...["--size", String(TMP_BYTES), "--tmpfs", "/tmp"],
      ...["--bind", own, "/in", "--bind", databases, "/databases"],
      ...["--remount-ro", "/proc", "--remount-ro", "/", "--chdir", "/databases"],
    ];
  }

  /** Libraries of this Node, to be shown in the sandbox. */
  async #findLibraries(): Promise<string[]> {
    if (!this.#options.host.bubblewrap) return [];
    const { stdout } = await run("ldd", [process.execPath], { timeout: 5000 });
    return stdout.split("\n").flatMap((line) => /(?:=>\s*|^\s*)(\/\S+)/.exec(line)?.[1] ?? []);
  }
}

/** What a process said at its end: V8 says why it gives up, then prints its stack. */
export function lastWords(text: string): string {
  const lines = text.trimEnd().split("\n");
  return lines.findLast((line) => line.startsWith("FATAL ERROR")) ?? lines.at(-1) ?? "";
}
