import { type ChildProcess, spawn } from "node:child_process";
import type { Writable } from "node:stream";
import type { Finished } from "./processes.ts";
import type { Command } from "./resident-wrangler.ts";

const END = /\0ended with (\d+)\0$/;

type StreamName = "stdout" | "stderr";

interface Running {
  /** In the order in which it arrived. */
  chunks: { from: StreamName; text: string }[];
  done(finished: Finished): void;
}

/**
 * The client in a process that stays: it runs one command after another, each with its own arguments and directory and all with the
 * same variables. Loading the client is more than nine tenths of a command's CPU.
 */
export class ResidentClient {
  #child: ChildProcess | undefined;
  #running: Running | undefined;
  readonly #path: string;
  readonly #env: Record<string, string>;

  /** `path` is the file that the client's launcher would start. */
  constructor(path: string, env: Record<string, string>) {
    this.#path = path;
    this.#env = env;
  }

  /** Whether a command runs: another would have to wait. */
  get busy(): boolean {
    return this.#running !== undefined;
  }

  /** Runs a command; kills the process when `timeoutMs` are over. */
  async run(command: Command, timeoutMs: number): Promise<Finished> {
    if (this.#running) throw new Error("The client runs another command.");
    this.#child ??= this.#start();
    const child = this.#child;
    const { promise, resolve } = Promise.withResolvers<Finished>();
    this.#running = { chunks: [], done: resolve };
    const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
    (child.stdio[3] as Writable).write(`${JSON.stringify(command)}\n`);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#running = undefined;
    }
  }

  /** Ends the process once it has no command. */
  end(): void {
    (this.#child?.stdio[3] as Writable | undefined)?.end();
    this.#child = undefined;
  }

  #start(): ChildProcess {
    const script = new URL("resident-wrangler.ts", import.meta.url).pathname;
    const child = spawn(process.execPath, ["--no-warnings", script, this.#path], {
      env: this.#env,
      stdio: ["ignore", "pipe", "pipe", "pipe"],
    });
    for (const name of ["stdout", "stderr"] as const)
      child[name]?.setEncoding("utf8").on("data", (text: string) => this.#add(name, text));
    // A process that ends takes no more commands; what comes of it is told by its end.
    (child.stdio[3] as Writable).on("error", () => {});
    // A command that ends its process does so for itself: the next one gets another.
    child.on("close", (code, signal) => {
      if (this.#child === child) this.#child = undefined;
      this.#running?.done(finished(this.#running, code, signal));
    });
    return child;
  }

  #add(from: StreamName, text: string): void {
    const running = this.#running;
    if (!running) return;
    running.chunks.push({ from, text });
    const ends = [END.exec(textOf(running, "stdout")), END.exec(textOf(running, "stderr"))];
    if (!ends[0] || !ends[1]) return;
    cut(running, "stdout", ends[0][0].length);
    cut(running, "stderr", ends[1][0].length);
    running.done(finished(running, Number(ends[0][1]), null));
  }
}

function textOf({ chunks }: Running, stream?: StreamName): string {
  return chunks.map(({ from, text }) => (stream && from !== stream ? "" : text)).join("");
}

/** Removes as much from the end of a stream. */
function cut({ chunks }: Running, stream: StreamName, length: number): void {
  let left = length;
  for (const chunk of chunks.filter(({ from }) => from === stream).reverse()) {
    const kept = Math.max(0, chunk.text.length - left);
    left -= chunk.text.length - kept;
    chunk.text = chunk.text.slice(0, kept);
  }
}

function finished(running: Running, code: number | null, signal: NodeJS.Signals | null): Finished {
  const [stdout, stderr] = [textOf(running, "stdout"), textOf(running, "stderr")];
  return { code, signal, stdout, stderr, output: textOf(running) };
}
