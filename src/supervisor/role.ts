import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { CONFIG_EXIT_CODE, ConfigError } from "../domain/config.ts";
import type { EdgeCalls, PlatformStatus, ServicesCalls, SupervisorCalls } from "../domain/messages.ts";
import { Channel } from "../lib/channel.ts";
import { Restarts } from "./restarts.ts";

/** Pause before a role starts again, by the number of early deaths in a row. */
const RESTART_DELAYS_MS = [0, 100, 500, 1000, 2000, 5000];
/** From SIGTERM to SIGKILL. */
const TERMINATE_TIMEOUT_MS = 5000;
/** A role that ends this often before it was ever ready will not start by trying on. */
const MAX_DEATHS_AT_START = 4;

/** Lines that are searched for the reason of an end. */
const MAX_LINES = 30;

export type RoleName = "control" | "edge" | "services";
export type RoleChannel = Channel<EdgeCalls & ServicesCalls, SupervisorCalls>;

export interface RoleOptions {
  role: RoleName;
  /** Program and arguments. */
  command: readonly [string, ...string[]];
  env: Record<string, string | undefined>;
  /** Registers what the supervisor answers, on the channel of each new process. */
  serve(channel: RoleChannel): void;
  /** The process says that it serves. What it throws reaches the process. */
  onReady(role: Role): Promise<void>;
  onStart(pid: number): void;
  onEnd(pid: number): void;
  log(line: string): void;
}

/** Keeps one process of a role alive. */
export class Role {
  readonly name: RoleName;
  /** To the running process; undefined between two of them. */
  channel: RoleChannel | undefined;
  /** Resolves when a process of the role was ready for the first time; rejects when none gets there. */
  readonly firstReady: Promise<void>;

  #options: RoleOptions;
  #child: ChildProcess | undefined;
  #startedAtMs = 0;
  #restarts = -1;
  #backoff = new Restarts(RESTART_DELAYS_MS);
  #timer: NodeJS.Timeout | undefined;
  #stopping = false;
  #first = Promise.withResolvers<void>();
  #wasReady = false;
  /** What the process said lately. */
  #lines: string[] = [];

  constructor(options: RoleOptions) {
    this.name = options.role;
    this.#options = options;
    this.firstReady = this.#first.promise;
    // Awaited at start only.
    this.firstReady.catch(() => {});
    this.#start();
  }

  status(): PlatformStatus["processes"] {
    const pid = this.#child?.pid;
    if (pid === undefined) return [];
    return [
      {
        role: this.name,
        pid,
        upSinceMs: Math.round(performance.timeOrigin + this.#startedAtMs),
        restarts: this.#restarts,
      },
    ];
  }

  /**
   * Ends the process and starts no other. With `drainMs` it is first told to finish what is in flight, and has
   * that long to end by itself.
   */
  async stop(drainMs: number): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    const child = this.#child;
    if (!child) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    if (drainMs > 0) {
      // Who cannot be told has nothing in flight that it knows of.
      this.channel?.call("drain", {}, drainMs).catch(() => child.kill("SIGTERM"));
      const timer = setTimeout(() => child.kill("SIGTERM"), drainMs);
      void ended.then(() => clearTimeout(timer));
    } else child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), drainMs + TERMINATE_TIMEOUT_MS);
    await ended;
    clearTimeout(timer);
  }

  #start(): void {
    const {
      command: [file, ...args],
      env,
      onStart,
      onEnd,
      onReady,
      serve,
    } = this.#options;
    this.#restarts++;
    this.#startedAtMs = performance.now();
    // A group of its own: Ctrl-C in a terminal is for the supervisor, which then drains.
    const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe", "ipc"], env, detached: true });
    this.#child = child;
    this.#forward(child.stdout as Readable);
    this.#forward(child.stderr as Readable);
    const channel: RoleChannel = new Channel(child);
    this.channel = channel;
    serve(channel);
    channel.handle("ready", async () => {
      await onReady(this);
      this.#wasReady = true;
      this.#first.resolve();
      return {};
    });
    if (child.pid !== undefined) onStart(child.pid);
    const ended = (reason: string) => {
      if (this.#child !== child) return;
      this.#child = undefined;
      this.channel = undefined;
      if (child.pid !== undefined) onEnd(child.pid);
      if (!this.#stopping) this.#startAgain(reason);
    };
    child.once("error", (error) => ended(error.message));
    child.once("exit", (code, signal) => {
      if (code === CONFIG_EXIT_CODE && !this.#wasReady) this.#giveUp(child);
      else ended(signal ?? `code ${code}`);
    });
  }

  /** Starting it again would change nothing. */
  #giveUp(child: ChildProcess): void {
    this.#child = undefined;
    this.channel = undefined;
    if (child.pid !== undefined) this.#options.onEnd(child.pid);
    // Its last line may still be in the pipe.
    child.once("close", () => this.#first.reject(new ConfigError(this.#lines.at(-1) ?? `${this.name} said nothing`)));
  }

  #startAgain(reason: string): void {
    this.#backoff.died(performance.now() - this.#startedAtMs);
    if (!this.#wasReady && this.#backoff.deaths >= MAX_DEATHS_AT_START) {
      this.#first.reject(new Error(`the ${this.name} process does not start (${reason}): ${lastWords(this.#lines)}`));
      return;
    }
    this.#options.log(`${this.name} ended (${reason}); starting it again`);
    this.#timer = setTimeout(() => this.#start(), this.#backoff.delayMs());
  }

  /** Lines of the process, under its name. */
  #forward(stream: Readable): void {
    createInterface(stream).on("line", (line) => {
      this.#lines = [...this.#lines.slice(-MAX_LINES + 1), line];
      this.#options.log(`${this.name}: ${line}`);
    });
  }
}

/** The line that tells most about why a process ended: an error's own, where there is one. */
function lastWords(lines: string[]): string {
  return lines.findLast((line) => /^\w*Error\b/.test(line)) ?? lines.at(-1) ?? "it said nothing";
}
