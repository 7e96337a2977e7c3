/** A real PostgreSQL for tests, when the machine has one. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, existsSync, globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { PostgresClient } from "./postgres.ts";

const START_TIMEOUT_MS = 60_000;

/** Directory of PostgreSQL's programs: that of the newest Debian package. */
function programs(): string | undefined {
  const [newest] = globSync("/usr/lib/postgresql/*/bin/postgres").sort().reverse();
  return newest && dirname(newest);
}

/** The user that the server runs as: it refuses to be root. */
function serverUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  try {
    const id = (flag: string) => Number(execFileSync("id", [flag, "postgres"], { stdio: "pipe" }).toString());
    return { uid: id("-u"), gid: id("-g") };
  } catch {
    return undefined;
  }
}

/** Why no server can be started here; undefined: one can. */
export function postgresMissing(): string | undefined {
  if (!programs()) return "PostgreSQL is not installed (Debian: apt-get install postgresql)";
  if (!serverUser()) return "tests run as root, and there is no user postgres to run a server as";
  return undefined;
}

export class TestPostgres {
  readonly #directory: string;
  readonly #server: ChildProcess;

  private constructor(directory: string, server: ChildProcess) {
    this.#directory = directory;
    this.#server = server;
  }

  /** Starts a server with an empty cluster, reachable by a unix socket only. */
  static async start(): Promise<TestPostgres> {
    const [bin, user] = [programs(), serverUser()];
    if (!bin || !user) throw new Error(postgresMissing());
    const directory = mkdtempSync(join(tmpdir(), "fh-pg-"));
    chmodSync(directory, 0o700);
    chownSync(directory, user.uid, user.gid);
    const as = { ...user, cwd: directory, env: { PATH: process.env.PATH, LC_ALL: "C" } };
    const data = join(directory, "data");
    execFileSync(join(bin, "initdb"), ["-D", data, "-U", "test", "-A", "trust", "-E", "UTF8", "--no-sync"], {
      ...as,
      stdio: "pipe",
    });
    const server = spawn(join(bin, "postgres"), ["-D", data, "-k", directory, "-c", "listen_addresses="], {
      ...as,
      stdio: "ignore",
    });
    const started = new TestPostgres(directory, server);
    const deadline = Date.now() + START_TIMEOUT_MS;
    for (;;) {
      try {
        await started.#answer();
        return started;
      } catch (error) {
        if (Date.now() > deadline || server.exitCode !== null) {
          await started.stop();
          throw error;
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  /** Address of the database with this name; `postgres` is always there. */
  url(database = "postgres"): string {
    return `postgres://test@/${database}?host=${this.#directory}`;
  }

  connect(database?: string): PostgresClient {
    return new PostgresClient(this.url(database));
  }

  async #answer(): Promise<void> {
    const client = this.connect();
    try {
      await client.query("select 1", []);
    } finally {
      await client.close();
    }
  }

  async stop(): Promise<void> {
    if (this.#server.exitCode === null) {
      const ended = once(this.#server, "exit");
      // Fast shutdown.
      this.#server.kill("SIGINT");
      await ended;
    }
    if (existsSync(this.#directory)) rmSync(this.#directory, { recursive: true, force: true });
  }
}
