import { type ChildProcess, spawn } from "node:child_process";
import { extname, join } from "node:path";
import type { MappingRequest } from "./reader-process.ts";

export interface MapReaderOptions {
  heapMb: number;
  /** What one request may take. */
  timeoutMs: number;
}

/** A process that looks stacks up in maps, one request at a time. */
export class MapReader {
  readonly #child: ChildProcess;
  readonly #timeoutMs: number;
  /** Its start is not at the expense of the first request: a busy machine takes its time for it. */
  readonly #started = Promise.withResolvers<void>();
  #answer: PromiseWithResolvers<string[]> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor({ heapMb, timeoutMs }: MapReaderOptions) {
    this.#timeoutMs = timeoutMs;
    const program = join(import.meta.dirname, `reader-process${extname(import.meta.filename)}`);
    // It ends without a core file and without a word when it has no memory left.
    const command = ["-c", 'ulimit -c 0; exec "$@"', "sh", process.execPath, `--max-old-space-size=${heapMb}`, program];
    const child = spawn("/bin/sh", command, { stdio: ["ignore", "ignore", "ignore", "ipc"], env: {} });
    child.once("message", () => {
      this.#started.resolve();
      child.on("message", (mapped: string[]) => this.#take()?.resolve(mapped));
    });
    child.on("error", (error) => this.#fail(error.message));
    child.on("exit", () => this.#fail("they take too much memory"));
    child.unref();
    child.channel?.unref();
    this.#child = child;
  }

  /** The stacks, mapped. Throws why not; the process is of no use then. */
  ask(request: MappingRequest): Promise<string[]> {
    this.#answer = Promise.withResolvers();
    void this.#started.promise.then(() => {
      if (!this.#answer) return;
      this.#timer = setTimeout(() => this.#fail("they take too long"), this.#timeoutMs).unref();
      this.#child.send(request);
    });
    return this.#answer.promise;
  }

  close(): void {
    this.#fail("the process was ended");
  }

  #take(): PromiseWithResolvers<string[]> | undefined {
    const answer = this.#answer;
    this.#answer = undefined;
    clearTimeout(this.#timer);
    return answer;
  }

  #fail(why: string): void {
    this.#take()?.reject(new Error(why));
    this.#child.kill("SIGKILL");
  }
}
