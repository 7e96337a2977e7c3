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

const MAX_SEEDS = 16;
const MAX_TYPES = 0x7fff;
const MAX_PATH = 0xffff;

/** Writes the table. The same files in the same order give the same bytes. Throws {@link ManifestError}. */
export function buildManifest(files: readonly AssetFile[]): Buffer {
  const types = new Map<string, number>();
  let textBytes = 0;
  let longest = 0;
  for (const { path, hash, size, contentType } of files) {
    if (!/^[0-9a-f]{32}$/.test(hash)) throw new ManifestError(`the hash of ${path} is not 32 hex digits`);
    if (path.length > MAX_PATH || path.length === 0) throw new ManifestError("a path is empty or too long");
    if (!Number.isInteger(size) || size < 0 || size > 0xffffffff)
      throw new ManifestError(`the size of ${path} is out of range`);
    textBytes += isWide(path) ? 2 * path.length + 1 : path.length;
    longest = Math.max(longest, path.length);
    // Index 0 stands for "no type".
    if (contentType !== undefined && !types.has(contentType)) types.set(contentType, types.size + 1);
  }
  if (types.size > MAX_TYPES) throw new ManifestError("the files have too many different content types");
  const typeTable = encodeTypes([...types.keys()]);
  const slots = 2 ** Math.max(2, Math.ceil(Math.log2(files.length * 1.4 + 1)));
  const typesAt = 4 * (HEADER_WORDS + slots + ENTRY_WORDS * files.length);
  // UTF-16 paths need an even address.
  const textAt = (typesAt + typeTable.length + 1) & ~1;
  const buffer = Buffer.alloc(textAt + textBytes);
  const words = new Uint32Array(buffer.buffer, buffer.byteOffset, typesAt / 4);
  typeTable.copy(buffer, typesAt);

  let at = 0;
  files.forEach(({ path, hash, size, contentType }, index) => {
    const wide = isWide(path);
    if (wide && at % 2 === 1) at++;
    const entry = HEADER_WORDS + slots + ENTRY_WORDS * index;
    words[entry] = at;
    words[entry + 1] =
      path.length | (wide ? 0x10000 : 0) | ((contentType === undefined ? 0 : (types.get(contentType) ?? 0)) << 17);
    words[entry + 2] = size;
    Buffer.from(hash, "hex").copy(buffer, 4 * (entry + 3));
    at += buffer.write(path, textAt + at, wide ? "utf16le" : "latin1");
  });
  const { seed, probe } = fillSlots(words.subarray(HEADER_WORDS, HEADER_WORDS + slots), files);
  words.set([MAGIC, FORMAT, files.length, slots, seed, probe, longest, typesAt, textAt, textAt + at]);
  return buffer.subarray(0, textAt + at);
}

function fillSlots(table: Uint32Array, files: readonly AssetFile[]): { seed: number; probe: number } {
  for (let seed = 1; seed <= MAX_SEEDS; seed++) {
    const probe = tryFill(table.fill(0), files, seed);
    if (probe !== undefined) return { seed, probe };
  }
  throw new ManifestError("the paths collide too often to be put in a table");
}

function tryFill(table: Uint32Array, files: readonly AssetFile[], seed: number): number | undefined {
  const mask = table.length - 1;
  let longest = 0;
  for (let index = 0; index < files.length; index++) {
    const path = files[index]?.path ?? "";
    let slot = hashPath(path, seed) & mask;
    let probe = 0;
    while (table[slot] !== 0) {
      if (files[(table[slot] ?? 0) - 1]?.path === path) throw new ManifestError(`the path ${path} is listed twice`);
      if (++probe > MAX_PROBE) return;
      slot = (slot + 1) & mask;
    }
    table[slot] = index + 1;
    longest = Math.max(longest, probe);
  }
  return longest;
}

function isWide(path: string): boolean {
  return /[\u0100-\uffff]/.test(path);
}

function encodeTypes(types: string[]): Buffer {
  const parts = types.map((type) => {
    const text = Buffer.from(type);
    if (text.length > 0xff) throw new ManifestError("a content type is longer than 255 bytes");
    return Buffer.concat([Buffer.from([text.length, 0]), text]);
  });
  return Buffer.concat([Buffer.from([types.length & 0xff, types.length >> 8]), ...parts]);
}
