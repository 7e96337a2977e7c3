/** Names that the engine itself acts on. Their ids are the same in every {@link HeaderNames}. */
const coreNames = [
  "host",
  "connection",
  "content-length",
  "transfer-encoding",
  "expect",
  "upgrade",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "accept",
  "date",
  "server",
] as const;

export type CoreName = (typeof coreNames)[number];

/** Id of each core name; 0 means a name nobody asked for. */
export const coreId = Object.fromEntries(coreNames.map((name, index) => [name, index + 1])) as Record<CoreName, number>;

const SLOTS = 512;

/**
 * Header names that a server cares about, each with a small id, so that a parsed head is examined
 * by number. A name that ends in `*` stands for all names that begin so.
 */
export class HeaderNames {
  readonly #names: string[] = [""];
  readonly #slots = new Uint8Array(SLOTS);
  readonly #prefixes: { text: string; id: number }[] = [];

  constructor(names: readonly string[] = []) {
    for (const name of [...coreNames, ...names]) {
      const id = this.#names.push(name) - 1;
      if (id > 255) throw new Error("too many header names");
      if (name.endsWith("*")) this.#prefixes.push({ text: name.slice(0, -1), id });
      else this.#insert(name, id);
    }
  }

  /** Id of a name given at construction; throws on any other, which is a mistake in the program. */
  id(name: string): number {
    const id = this.#names.indexOf(name, 1);
    if (id < 0) throw new Error(`header name "${name}" is not registered`);
    return id;
  }

  /** A table with 1 at the id of each of these names. */
  set(names: readonly string[]): Uint8Array {
    const table = new Uint8Array(256);
    for (const name of names) table[this.id(name)] = 1;
    return table;
  }

  /** Id of the name at `bytes[start, end)`, whose {@link hashByte} chain is `hash`; 0 for an unknown one. */
  find(bytes: Uint8Array, start: number, end: number, hash: number): number {
    for (let slot = hash & (SLOTS - 1); ; slot = (slot + 1) & (SLOTS - 1)) {
      const id = this.#slots[slot] as number;
      if (id === 0) break;
      const name = this.#names[id] as string;
      if (name.length === end - start && beginsWith(bytes, start, name)) return id;
    }
    for (const prefix of this.#prefixes) {
      if (end - start > prefix.text.length && beginsWith(bytes, start, prefix.text)) return prefix.id;
    }
    return 0;
  }

  #insert(name: string, id: number): void {
    let hash = 0;
    for (let index = 0; index < name.length; index++) hash = hashByte(hash, name.charCodeAt(index));
    let slot = hash & (SLOTS - 1);
    while (this.#slots[slot] !== 0) slot = (slot + 1) & (SLOTS - 1);
    this.#slots[slot] = id;
  }
}

/** One step of the name hash; `lower` is the byte in lower case. Collisions cost a comparison, nothing else. */
export function hashByte(hash: number, lower: number): number {
  return (Math.imul(hash, 31) + lower) | 0;
}

function beginsWith(bytes: Uint8Array, start: number, text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    let byte = bytes[start + index] as number;
    if (byte >= 0x41 && byte <= 0x5a) byte += 0x20;
    if (byte !== text.charCodeAt(index)) return false;
  }
  return true;
}
