/**
 * The table of a site: path → content. One immutable buffer that is stored as it is, loaded as it is and asked
 * without making an object per file, so that 100,000 files cost what the buffer costs (about 80 bytes a file).
 *
 * Layout, little-endian u32 words:
 *   header   magic, version, files, slots, seed, longest probe, longest path, types at, text at, total bytes
 *   slots    entry index + 1 or 0, open addressing with linear probing
 *   entries  7 words: path at (relative to text), path length and wide flag and type index, size, 4 words of hash
 *   types    u16 count, then (u16 length, UTF-8)
 *   text     the paths: one byte a character, or UTF-16 when the wide flag is set
 */

export const MAGIC = 0x53414846; // "FHAS"
export const FORMAT = 1;
export const HEADER_WORDS = 10;
export const ENTRY_WORDS = 7;
/** A probe longer than this means chosen collisions: another seed is tried, then the build is refused. */
export const MAX_PROBE = 64;

export interface AssetFile {
  /** Decoded path, starts with `/`. */
  path: string;
  /** 32 hex digits: names the content in the blob store and in the ETag. */
  hash: string;
  /** Bytes. */
  size: number;
  /** Undefined: served without `Content-Type`. */
  contentType: string | undefined;
}

/** The files cannot be put in a table, or the buffer is not one. */
export class ManifestError extends Error {
  override name = "ManifestError";
}

/** A mixing hash; each step depends on the seed, so that collisions for one seed are none for the next. */
export function hashPath(path: string, seed: number): number {
  let hash = Math.imul(seed, 0x9e3779b1) ^ path.length;
  for (let i = 0; i < path.length; i++) {
    hash = Math.imul(hash ^ path.charCodeAt(i), 0x85ebca6b);
    hash ^= hash >>> 15;
  }
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
