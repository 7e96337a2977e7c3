import { readFileSync } from "node:fs";
import { type OriginalPosition, originalPositions, readSourceMap, type SourceMap } from "../../lib/source-map.ts";
import { MAX_CACHED_MAPS_BYTES, MAX_REMEMBERED_PLACES } from "./limits.ts";
import { MAX_FRAMES, readFrame, type StackFrame } from "./stack.ts";

/** Source maps of a version: file of each by the module that it is for. */
export type MapFiles = Record<string, string>;

interface CachedMap {
  map: SourceMap | undefined;
  bytes: number;
  /** Places that were looked up before: the same errors come again and again. */
  known: Map<string, OriginalPosition | undefined>;
}

/** Longest name of a source that a stack shows. */
const MAX_SOURCE_LENGTH = 500;

/** Rewrites stacks by source maps. The maps used last stay in memory. */
export class Mapper {
  readonly #maps = new Map<string, CachedMap>();
  #bytes = 0;
  #places = 0;

  map(stack: string, files: MapFiles): string {
    const lines = stack.split("\n");
    const frames = new Map<number, StackFrame>();
    for (const [index, line] of lines.entries()) {
      const frame = frames.size < MAX_FRAMES ? readFrame(line) : undefined;
      if (frame && Object.hasOwn(files, frame.module)) frames.set(index, frame);
    }
    for (const [module, indexes] of Map.groupBy(frames.keys(), (index) => frames.get(index)!.module)) {
      const places = this.#originals(
        files[module]!,
        indexes.map((index) => frames.get(index)!),
      );
      for (const [at, index] of indexes.entries()) {
        const { before, after } = frames.get(index)!;
        const place = places[at];
        if (place)
          lines[index] = `${before}${place.source.slice(0, MAX_SOURCE_LENGTH)}:${place.line}:${place.column}${after}`;
      }
    }
    return lines.join("\n");
  }

  #originals(file: string, frames: StackFrame[]): (OriginalPosition | undefined)[] {
    const { map, known } = this.#open(file);
    if (!map) return [];
    const key = ({ line, column }: StackFrame) => `${line}:${column}`;
    const asked = frames.filter((frame) => !known.has(key(frame)));
    if (asked.length > 0) {
      const found = originalPositions(map, asked);
      for (const [index, frame] of asked.entries()) known.set(key(frame), found[index]);
      this.#count(asked.length);
    }
    return frames.map((frame) => known.get(key(frame)));
  }

  /** Forgets all places when there are too many; what the caller has just found stays good. */
  #count(more: number): void {
    this.#places += more;
    if (this.#places < MAX_REMEMBERED_PLACES) return;
    for (const cached of this.#maps.values()) cached.known = new Map();
    this.#places = 0;
  }

  #open(file: string): CachedMap {
    const cached = this.#maps.get(file);
    this.#maps.delete(file);
    const opened = cached ?? read(file);
    this.#maps.set(file, opened);
    if (!cached) this.#bytes += opened.bytes;
    for (const [other, { bytes }] of this.#maps) {
      if (this.#bytes <= MAX_CACHED_MAPS_BYTES || other === file) break;
      this.#maps.delete(other);
      this.#bytes -= bytes;
    }
    return opened;
  }
}

function read(file: string): CachedMap {
  const map = readSourceMap(readFileSync(file, "utf8"));
  // Sources are short beside the mappings, but a map may have many, and little else.
  const bytes =
    1_000 + (map ? map.mappings.length + map.sources.reduce((sum, name) => sum + 50 + (name?.length ?? 0), 0) : 0);
  return { map, bytes, known: new Map() };
}
