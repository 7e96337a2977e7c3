import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { ApiClient } from "./api.ts";
import { type FetchOptions, LocalClient, type Reply } from "./http.ts";
import { Child, descendants, type Finished, isAlive, isRuntime, type ProcessInfo, survivors } from "./processes.ts";
import { ResidentClient } from "./resident-client.ts";

export const repository = resolve(import.meta.dirname, "../..");
/** What a person starts, and what that starts in turn. */
const wranglerEntry = join(repository, "node_modules/wrangler/bin/wrangler.js");
const wranglerFile = join(repository, "node_modules/wrangler/wrangler-dist/cli.js");

const startTimeoutMs = 60_000;
/** Beyond what the platform allows requests in flight when it stops. */
const stopTimeoutMs = 45_000;
const wranglerTimeoutMs = 90_000;

export interface WranglerOptions {
  input?: string;
  env?: Record<string, string>;
}

/** A running platform with a data directory of its own. */
export class Platform {
  readonly dataDir: string;
  readonly port: number;
  readonly supervisor: Child;
  /** The three variables that point a client at the platform. */
  readonly clientEnv: Record<string, string>;
  readonly api: ApiClient;
  #client: LocalClient;
  #home: string;
  #subdomain: Promise<string> | undefined;
  #resident: ResidentClient | undefined;

  constructor(supervisor: Child, dataDir: string, port: number) {
    this.supervisor = supervisor;
    this.dataDir = dataDir;
    this.port = port;
    this.clientEnv = parseEnvFile(readFileSync(join(dataDir, "wrangler.env"), "utf8"));
    this.#client = new LocalClient(join(dataDir, "tls", "ca.pem"));
    this.#home = join(dirname(dataDir), "home");
    mkdirSync(this.#home, { recursive: true });
    this.api = new ApiClient(this.#client, this.clientEnv);
  }

  get origin(): string {
    return `http://localhost:${this.port}`;
  }

  /**
   * Runs the real client in `directory` as a person in a plain terminal would (no variables of ours leak in). The first command, what
   * has an input or variables, and what runs beside another has a process of its own; the others share one that has loaded
   * the client already. With `FREEHOLD_TEST_RESIDENT_CLIENT=0` each has its own.
   */
  async wrangler(directory: string, args: string[], options: WranglerOptions = {}): Promise<Finished> {
    const mayShare = process.env.FREEHOLD_TEST_RESIDENT_CLIENT !== "0";
    const isPlain = mayShare && options.input === undefined && options.env === undefined;
    if (isPlain && this.#resident?.busy === false) return this.#resident.run({ directory, args }, wranglerTimeoutMs);
    this.#resident ??= new ResidentClient(wranglerFile, this.#wranglerEnv());
    return this.startWrangler(directory, args, options).end(wranglerTimeoutMs);
  }

  /** As {@link wrangler}, in a process of its own, while it runs. */
  startWrangler(directory: string, args: string[], options: WranglerOptions = {}): Child {
    return new Child(process.execPath, [wranglerEntry, ...args], {
      cwd: directory,
      input: options.input ?? "",
      env: { ...this.#wranglerEnv(), ...options.env },
    });
  }

  #wranglerEnv(): Record<string, string> {
    return {
      PATH: `${dirname(process.execPath)}:${process.env.PATH ?? ""}`,
      HOME: this.#home,
      XDG_CONFIG_HOME: join(this.#home, ".config"),
      XDG_CACHE_HOME: join(this.#home, ".cache"),
      WRANGLER_SEND_METRICS: "false",
      WRANGLER_HIDE_BANNER: "true",
      CI: "1",
      NO_COLOR: "1",
      // A third of the client's start is compiling itself.
      NODE_COMPILE_CACHE: join(repository, "node_modules/.cache/wrangler"),
      ...this.clientEnv,
    };
  }

  /** As {@link wrangler}, and throws with the whole output unless the client exits with 0. */
  async wranglerOk(directory: string, args: string[], options: WranglerOptions = {}): Promise<string> {
    const finished = await this.wrangler(directory, args, options);
    if (finished.code !== 0) {
      throw new Error(`wrangler ${args.join(" ")} ended with ${finished.code ?? finished.signal}:\n${finished.output}`);
    }
    return finished.output;
  }

  fetch(address: string, options?: FetchOptions): Promise<Reply> {
    return this.#client.fetch(address, options);
  }

  /** A request whose bodies the caller handles. */
  open(address: string, options?: FetchOptions) {
    return this.#client.open(address, options);
  }

  /** Address of a script by plain HTTP, from what the API says the account's subdomain is. */
  async url(script: string, path = "/"): Promise<string> {
    this.#subdomain ??= this.api
      .get("/workers/subdomain")
      .then((result) => (result as { subdomain: string }).subdomain);
    const printed = new URL(`http://${script}.${await this.#subdomain}.workers.dev`);
    return `http://${printed.hostname}:${this.port}${path}`;
  }

  /** Live processes of a role: `control`, `services` or `edge`. */
  role(name: string): ProcessInfo[] {
    return descendants(this.supervisor.pid).filter((process) => process.command.includes(`role:${name}`));
  }

  /** Live `workerd` processes, one for each runner. */
  runners(): ProcessInfo[] {
    return descendants(this.supervisor.pid).filter(isRuntime);
  }

  /** Ends the platform as Ctrl-C does. `left` are processes that outlived it. */
  async stop(): Promise<Finished & { left: ProcessInfo[] }> {
    this.#resident?.end();
    const family = this.supervisor.running ? descendants(this.supervisor.pid) : [];
    this.supervisor.process.kill("SIGTERM");
    const finished = await this.supervisor.end(stopTimeoutMs);
    const left = await survivors(family);
    for (const process of left) killProcess(process, "SIGKILL");
    return { ...finished, left };
  }

  /** Stops the platform and removes its files. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(dirname(this.dataDir), { recursive: true, force: true });
  }
}

/** Starts the platform on a free port in a new data directory, or on `dataDir` of an earlier one. */
export async function startPlatform(
  options: { env?: Record<string, string>; dataDir?: string } = {},
): Promise<Platform> {
  // Short, so that socket paths stay under the kernel's limit.
  const dataDir = options.dataDir ?? join(mkdtempSync(join(tmpdir(), "fh-")), "data");
  const supervisor = spawnSupervisor(dataDir, options.env);
  try {
    const [, port] = await supervisor.outputMatching(/https?:\/\/localhost:(\d+)/, startTimeoutMs);
    const client = new LocalClient("");
    const reply = await client.fetch(`http://localhost:${port}/ready`, { timeoutMs: startTimeoutMs });
    if (reply.status !== 200) throw new Error(`/ready answers ${reply.status} after the banner:\n${supervisor.output}`);
    return new Platform(supervisor, dataDir, Number(port));
  } catch (error) {
    supervisor.process.kill("SIGTERM");
    await supervisor.end(stopTimeoutMs);
    throw error;
  }
}

/** What `npm start` becomes, as its own process; for tests that look at the start itself. */
export function spawnSupervisor(dataDir: string, env: Record<string, string> = {}): Child {
  return new Child(process.execPath, ["--max-semi-space-size=1", "src/main.ts", "up"], {
    cwd: repository,
    env: {
      PATH: process.env.PATH ?? "",
      HOME: process.env.HOME ?? "",
      FREEHOLD_PORT: "0",
      FREEHOLD_DATA: dataDir,
      NODE_COMPILE_CACHE: join(repository, "node_modules/.cache/compile"),
      ...env,
    },
  });
}

/** Sends a signal to exactly this process; does nothing when it is gone. */
export function killProcess(target: ProcessInfo, signal: NodeJS.Signals): void {
  if (!isAlive(target)) return;
  try {
    process.kill(target.pid, signal);
  } catch {
    // It ended between the look and the signal.
  }
}

/** The Workers' addresses that wrangler printed, in order, exactly as printed (fragment included). */
export function urlsPrintedBy(output: string): string[] {
  return [...output.matchAll(/https?:\/\/[\w-]+\.[\w.-]+\.localhost\b[^\s"']*/g)].map(([address]) => address);
}

/** The one address that wrangler printed for a Worker. */
export function urlPrintedBy(output: string): string {
  const [address, ...more] = new Set(urlsPrintedBy(output));
  if (!address || more.length > 0) throw new Error(`expected the address of one Worker in:\n${output}`);
  return address;
}

function parseEnvFile(content: string): Record<string, string> {
  return Object.fromEntries(
    content
      .split("\n")
      .filter((line) => line.includes("=") && !line.startsWith("#"))
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
}

/** Whether bubblewrap is installed; tests of the sandbox need it. */
export function hasBubblewrap(): boolean {
  return (process.env.PATH ?? "").split(":").some((directory) => existsSync(join(directory, "bwrap")));
}
