import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import type { TraceItem, TraceSource } from "../../domain/trace.ts";
import type { LaunchRecord } from "../../domain/version.ts";
import { blobPath } from "../../store/blobs.ts";
import * as limits from "./limits.ts";
import type { MapFiles } from "./mapper.ts";
import type { MappingRequest } from "./process.ts";

export interface SourceMapsOptions {
  /** Path of a version's launch record. */
  launchRecord(versionId: string): string;
  /** Directory of blobs. */
  blobs: string;
  heapMb?: number;
}

/** A stack somewhere in a report. */
interface Place {
  stack?: string;
}

interface Waiting {
  versionId: string;
  stacks: string[];
  done(mapped: string[]): void;
}

const noMaps: MapFiles = {};

/** Maps stacks in reports to the sources that versions were made of, as far as they came with source maps. */
export class SourceMaps {
  readonly #options: SourceMapsOptions;
  readonly #files = new Map<string, MapFiles>();
  #process: ChildProcess | undefined;
  /** What the process has been asked, oldest first; it answers in that order. */
  #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SourceMapsOptions) {
    this.#options = options;
  }

  /** Changes the stacks in `items`; undefined: at once, since there is nothing to look up. Never rejects. */
  mapStacks({ versionId }: TraceSource, items: readonly TraceItem[]): Promise<void> | undefined {
    const places = items.flatMap(stacksIn).slice(0, limits.MAX_STACKS);
    if (places.length === 0) return undefined;
    const known = this.#files.get(versionId);
    if (known === noMaps) return undefined;
    return this.#map(versionId, known, places);
  }

  /** Ends the process. What waits comes back as it is. */
  close(): void {
    clearTimeout(this.#timer);
    this.#process?.kill("SIGKILL");
    this.#process = undefined;
    for (const { stacks, done } of this.#waiting.splice(0)) done(stacks);
  }

  async #map(versionId: string, known: MapFiles | undefined, places: Place[]): Promise<void> {
    const files = known ?? (await this.#filesOf(versionId));
    if (files === noMaps || this.#waiting.length >= limits.MAX_WAITING) return;
    const stacks = places.map(({ stack = "" }) => stack);
    const mapped = await new Promise<string[]>((done) => this.#ask({ versionId, stacks, done }, files));
    for (const [index, place] of places.entries()) place.stack = mapped[index] ?? "";
  }

  async #filesOf(versionId: string): Promise<MapFiles> {
    const files = await readMapFiles(this.#options, versionId);
    this.#remember(versionId, files);
    return files;
  }

  #remember(versionId: string, files: MapFiles): void {
    if (this.#files.size >= limits.MAX_REMEMBERED_VERSIONS) this.#files.clear();
    this.#files.set(versionId, files);
  }

  #ask(waiting: Waiting, files: MapFiles): void {
    this.#process ??= this.#start();
    this.#waiting.push(waiting);
    if (this.#waiting.length === 1) this.#expect();
    this.#process.send({ files, stacks: waiting.stacks } satisfies MappingRequest);
  }

  #start(): ChildProcess {
    const program = join(import.meta.dirname, `process${extname(import.meta.filename)}`);
    const heap = `--max-old-space-size=${this.#options.heapMb ?? limits.HEAP_MB}`;
    // It ends without a core file and without a word when it has no memory left.
    const command = ["-c", 'ulimit -c 0; exec "$@"', "sh", process.execPath, heap, program];
    const child = spawn("/bin/sh", command, { stdio: ["ignore", "ignore", "ignore", "ipc"], env: {} });
    child.on("message", (mapped: string[]) => {
      if (this.#process !== child) return;
      this.#waiting.shift()?.done(mapped);
      this.#expect();
    });
    child.on("error", (error) => this.#failed(child, error.message));
    child.on("exit", () => this.#failed(child, "they take too much memory"));
    child.unref();
    child.channel?.unref();
    return child;
  }

  /** The next answer must come in time; with nothing to answer, the process is not needed for long. */
  #expect(): void {
    clearTimeout(this.#timer);
    const idle = this.#waiting.length === 0;
    const child = this.#process;
    this.#timer = setTimeout(
      () => (idle ? this.close() : child && this.#failed(child, "they take too long")),
      idle ? limits.IDLE_MS : limits.MAX_MAPPING_MS,
    ).unref();
  }

  /** It was the oldest request that the process was at: the maps of its version are not used again. */
  #failed(child: ChildProcess, why: string): void {
    if (this.#process !== child) return;
    const [blamed] = this.#waiting;
    if (blamed) {
      console.error(`The source maps of version ${blamed.versionId} cannot be used: ${why}.`);
      this.#remember(blamed.versionId, noMaps);
    }
    this.close();
  }
}

function stacksIn({ exceptions, logs }: TraceItem): Place[] {
  const logged = logs.flatMap(({ errorInfo = [] }) => errorInfo);
  return [...exceptions, ...logged].filter(({ stack }) => stack && stack.length <= limits.MAX_STACK_LENGTH);
}

/** The client names a module's map after it (`wrangler-api.md` 2.7). */
async function readMapFiles({ launchRecord, blobs }: SourceMapsOptions, versionId: string): Promise<MapFiles> {
  let record: LaunchRecord;
  try {
    record = JSON.parse(await readFile(launchRecord(versionId), "utf8"));
  } catch {
    return noMaps;
  }
  const maps = record.modules.filter(
    ({ type, name, size }) => type === "source-map" && name.endsWith(".map") && size <= limits.MAX_MAP_BYTES,
  );
  if (maps.length === 0) return noMaps;
  return Object.fromEntries(maps.map(({ name, blob }) => [name.slice(0, -".map".length), blobPath(blobs, blob)]));
}
