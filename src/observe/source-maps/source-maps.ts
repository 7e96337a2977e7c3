import { readFile } from "node:fs/promises";
import type { TraceItem, TraceSource } from "../../domain/trace.ts";
import type { LaunchRecord } from "../../domain/version.ts";
import { blobPath } from "../../store/blobs.ts";
import * as limits from "./limits.ts";
import { MapReaders } from "./map-readers.ts";
import type { MapFiles } from "./mapper.ts";

export interface SourceMapsOptions {
  /** Path of a version's launch record. */
  launchRecord(versionId: string): string;
  /** Directory of blobs. */
  blobs: string;
  heapMb?: number;
  timeoutMs?: number;
}

/** A stack somewhere in a report. */
interface Place {
  stack?: string;
}

const noMaps: MapFiles = {};

/** Maps stacks in reports to the sources that versions were made of, as far as they came with source maps. */
export class SourceMaps {
  readonly #options: SourceMapsOptions;
  readonly #files = new Map<string, MapFiles>();
  readonly #readers: MapReaders;

  constructor(options: SourceMapsOptions) {
    this.#options = options;
    const { heapMb = limits.HEAP_MB, timeoutMs = limits.MAX_MAPPING_MS } = options;
    this.#readers = new MapReaders({ heapMb, timeoutMs });
  }

  /** Changes the stacks in `items`; undefined: at once, since there is nothing to look up. Never rejects. */
  mapStacks(source: TraceSource, items: readonly TraceItem[]): Promise<void> | undefined {
    const places = items.flatMap(stacksIn).slice(0, limits.MAX_STACKS);
    if (places.length === 0 || this.#files.get(source.versionId) === noMaps) return undefined;
    return this.#map(source, places);
  }

  /** Ends the processes. What waits comes back as it is. */
  close(): void {
    this.#readers.close();
  }

  async #map({ accountId, versionId }: TraceSource, places: Place[]): Promise<void> {
    const files = this.#files.get(versionId) ?? (await this.#filesOf(versionId));
    if (files === noMaps) return;
    try {
      const mapped = await this.#readers.map(accountId, { files, stacks: places.map(({ stack = "" }) => stack) });
      for (const [index, place] of places.entries()) place.stack = mapped[index] ?? "";
    } catch (error) {
      if (this.#files.get(versionId) === noMaps) return;
      this.#remember(versionId, noMaps);
      console.error(`The source maps of version ${versionId} cannot be used: ${(error as Error).message}.`);
    }
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
