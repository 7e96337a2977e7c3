import {
  type AssetFile,
  ENTRY_WORDS,
  FORMAT,
  HEADER_WORDS,
  hashPath,
  MAGIC,
  MAX_PROBE,
  ManifestError,
} from "./manifest-format.ts";

/** A table that was written by `buildManifest`. Reads never throw, whatever the buffer holds. */
export class Manifest {
  readonly count: number;
  /** Longest path in characters: longer ones need no look-up. */
  readonly longestPath: number;
  readonly #bytes: Buffer;
  readonly #words: Uint32Array;
  readonly #slots: number;
  readonly #seed: number;
  readonly #probe: number;
  readonly #textAt: number;
  readonly #types: readonly (string | undefined)[];

  /** Throws {@link ManifestError} when the header is wrong. */
  constructor(buffer: Buffer) {
    // Words need an address that is a multiple of four; a slice of a pool may have another.
    const bytes = buffer.byteOffset % 4 === 0 ? buffer : Buffer.from(new Uint8Array(buffer).buffer);
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
    const [magic, format, files = 0, slots = 0, seed = 0, probe = 0, longest = 0, typesAt = 0, textAt = 0, total = 0] =
      words.subarray(0, HEADER_WORDS);
    const sound =
      magic === MAGIC &&
      format === FORMAT &&
      slots > 0 &&
      (slots & (slots - 1)) === 0 &&
      files < slots &&
      probe <= MAX_PROBE &&
      typesAt === 4 * (HEADER_WORDS + slots + ENTRY_WORDS * files) &&
      textAt > typesAt &&
      textAt % 2 === 0 &&
      textAt <= total &&
      total === bytes.length;
    if (!sound) throw new ManifestError("this is not a table of assets, or it is damaged");
    this.count = files;
    this.longestPath = longest;
    this.#bytes = bytes;
    this.#words = words;
    this.#slots = slots;
    this.#seed = seed;
    this.#probe = probe;
    this.#textAt = textAt;
    this.#types = decodeTypes(bytes.subarray(typesAt, textAt));
  }

  /** Bytes that the table holds in memory. */
  get byteLength(): number {
    return this.#bytes.length;
  }

  /** Index of the file with this decoded path, or -1. */
  find(path: string): number {
    if (path.length > this.longestPath) return -1;
    const words = this.#words;
    const mask = this.#slots - 1;
    let slot = hashPath(path, this.#seed) & mask;
    for (let probe = 0; probe <= this.#probe; probe++) {
      const index = (words[HEADER_WORDS + slot] ?? 0) - 1;
      if (index < 0) return -1;
      if (index < this.count && this.#isPath(index, path)) return index;
      slot = (slot + 1) & mask;
    }
    return -1;
  }

  has(path: string): boolean {
    return this.find(path) >= 0;
  }

  #isPath(index: number, path: string): boolean {
    const shape = this.#word(index, 1);
    if ((shape & 0xffff) !== path.length) return false;
    const bytes = this.#bytes;
    let at = this.#textAt + this.#word(index, 0);
    // Reads beyond the buffer give undefined, which equals no character.
    if (shape & 0x10000) {
      for (let i = 0; i < path.length; i++, at += 2) {
        const code = path.charCodeAt(i);
        if (bytes[at] !== (code & 0xff) || bytes[at + 1] !== code >> 8) return false;
      }
      return true;
    }
    for (let i = 0; i < path.length; i++) if (bytes[at + i] !== path.charCodeAt(i)) return false;
    return true;
  }

  #word(index: number, field: number): number {
    return this.#words[HEADER_WORDS + this.#slots + ENTRY_WORDS * index + field] ?? 0;
  }

  path(index: number): string {
    const shape = this.#word(index, 1);
    const at = this.#textAt + this.#word(index, 0);
    const length = shape & 0xffff;
    return shape & 0x10000
      ? this.#bytes.toString("utf16le", at, at + 2 * length)
      : this.#bytes.toString("latin1", at, at + length);
  }

  /** Content hash, 32 hex digits. */
  hash(index: number): string {
    const at = 4 * (HEADER_WORDS + this.#slots + ENTRY_WORDS * index + 3);
    return this.#bytes.toString("hex", at, at + 16);
  }

  /** Whether two files have the same content. */
  same(one: number, other: number): boolean {
    for (let field = 3; field < ENTRY_WORDS; field++)
      if (this.#word(one, field) !== this.#word(other, field)) return false;
    return true;
  }

  /** Bytes of the file. */
  size(index: number): number {
    return this.#word(index, 2);
  }

  contentType(index: number): string | undefined {
    return this.#types[this.#word(index, 1) >>> 17];
  }

  /** Every file, in the order of the build: for garbage collection and listings. */
  *files(): Generator<AssetFile> {
    for (let index = 0; index < this.count; index++) {
      yield {
        path: this.path(index),
        hash: this.hash(index),
        size: this.size(index),
        contentType: this.contentType(index),
      };
    }
  }
}

function decodeTypes(bytes: Buffer): (string | undefined)[] {
  const types: (string | undefined)[] = [undefined];
  const count = (bytes[0] ?? 0) | ((bytes[1] ?? 0) << 8);
  for (let i = 0, at = 2; i < count && at < bytes.length; i++) {
    const length = bytes[at] ?? 0;
    types.push(bytes.toString("utf8", at + 2, at + 2 + length));
    at += 2 + length;
  }
  return types;
}
