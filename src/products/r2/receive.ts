import { createHash, type Hash } from "node:crypto";
import { type Contents, type ContentWriter, newContentName } from "./contents.ts";
import { badDigest, entityTooLarge, incompleteBody } from "./errors.ts";
import type { Leases } from "./leases.ts";
import { ARRIVAL_MS, MAX_INLINE_BYTES } from "./limits.ts";
import type { Arrived, Body, BodyOptions, Checksums, HashName } from "./model.ts";
import type { BucketRows, Piece } from "./rows.ts";
import { SealingWriter } from "./sealed.ts";

/** What came, and where it is. Name it in a row, or give it to {@link Receiver.discard}. */
export interface Received {
  size: number;
  /** Hex. */
  md5: string;
  /** Of the digests that were asked for, and md5. */
  checksums: Checksums;
  inline: Buffer | null;
  pieces: Piece[] | null;
  arrived: Arrived | undefined;
  /** To be called once a row names it, or it was discarded: until then it is no garbage. */
  release(): void;
}

/** Bytes that are put together for one write. */
const WRITE_BYTES = 256 * 1024;

/** Takes bodies into contents: small ones into memory, larger ones into their file as they come. */
export class Receiver {
  readonly #contents: Contents;
  readonly #rows: BucketRows;
  readonly #leases: Leases;

  constructor(contents: Contents, rows: BucketRows, leases: Leases) {
    this.#contents = contents;
    this.#rows = rows;
    this.#leases = leases;
  }

  /**
   * Takes a body of at most `maxBytes`. `alwaysFile`: even a small one becomes a file. Nothing is left of one that is
   * refused, or whose iterable throws.
   */
  async receive(body: Body, options: BodyOptions, maxBytes: number, alwaysFile = false): Promise<Received> {
    const { size: announced, expect = {}, customerKey, arrived } = options;
    if (announced !== undefined && announced > maxBytes) throw entityTooLarge();
    const hashes = Object.keys({ md5: "", ...expect }).map((name) => [name, createHash(name)] as [HashName, Hash]);
    const intake = new Intake(this.#contents, this.#rows, this.#leases, (writer) =>
      customerKey === undefined ? writer : new SealingWriter(writer, customerKey),
    );
    let size = 0;
    try {
      for await (const chunk of body instanceof Uint8Array ? [body] : body) {
        const bytes = Buffer.from(chunk.buffer as ArrayBuffer, chunk.byteOffset, chunk.byteLength);
        size += bytes.length;
        if (size > maxBytes) throw entityTooLarge();
        if (announced !== undefined && size > announced) throw incompleteBody();
        for (const [, hash] of hashes) hash.update(bytes);
        await intake.add(bytes);
      }
      if (announced !== undefined && size !== announced) throw incompleteBody();
      const checksums = Object.fromEntries(hashes.map(([name, hash]) => [name, hash.digest("hex")])) as Checksums;
      for (const [name, wanted] of Object.entries(expect) as [HashName, string][]) {
        const actual = checksums[name] as string;
        if (actual !== wanted) throw badDigest(name.toUpperCase().replace(/^SHA/, "SHA-"), wanted, actual);
      }
      const late = arrived?.();
      const inline = customerKey === undefined && !alwaysFile ? intake.whole() : undefined;
      const file = inline === undefined ? await intake.finish() : undefined;
      return {
        size,
        md5: checksums.md5 as string,
        checksums,
        inline: inline ?? null,
        pieces: file === undefined ? null : [{ file, size }],
        arrived: late,
        release: intake.release,
      };
    } catch (error) {
      await intake.abandon();
      throw error;
    }
  }

  /** What was received is not wanted after all. */
  async discard({ pieces }: Pick<Received, "pieces">): Promise<void> {
    if (pieces) await this.#rows.renounce(pieces.map(({ file }) => file));
  }
}

/** One body on its way. A write is under way while the next is put together. */
class Intake {
  readonly #contents: Contents;
  readonly #rows: BucketRows;
  readonly #leases: Leases;
  readonly #wrap: (writer: ContentWriter) => ContentWriter;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #writer: ContentWriter | undefined;
  #file = "";
  release = () => {};
  #writing: Promise<void> = Promise.resolve();
  #announced: Promise<void> = Promise.resolve();
  #announcedAtMs = 0;

  constructor(contents: Contents, rows: BucketRows, leases: Leases, wrap: (writer: ContentWriter) => ContentWriter) {
    this.#contents = contents;
    this.#rows = rows;
    this.#leases = leases;
    this.#wrap = wrap;
  }

  async add(bytes: Buffer): Promise<void> {
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    if (this.#pendingBytes < (this.#writer === undefined ? MAX_INLINE_BYTES + 1 : WRITE_BYTES)) return;
    await this.#writing;
    this.#writing = this.#write();
    // Told to whoever waits for it.
    this.#writing.catch(() => {});
  }

  /** All bytes, while they are in memory. */
  whole(): Buffer | undefined {
    return this.#writer === undefined ? Buffer.concat(this.#pending) : undefined;
  }

  /** Puts the content in place and says its name. */
  async finish(): Promise<string> {
    await this.#writing;
    await this.#write();
    await this.#announced;
    // It was long on its way.
    if (Date.now() - this.#announcedAtMs > ARRIVAL_MS / 2) await this.#announce();
    await this.#writer?.finish();
    return this.#file;
  }

  async abandon(): Promise<void> {
    this.#pending = [];
    await this.#writing.catch(() => {});
    await this.#announced.catch(() => {});
    if (this.#writer === undefined) return;
    await this.#writer.abandon();
    // It may have come into place before something failed.
    await this.#rows.renounce([this.#file]).catch(() => {});
    this.release();
  }

  async #write(): Promise<void> {
    const bytes = this.#pending.length === 1 ? (this.#pending[0] as Buffer) : Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    if (this.#writer === undefined) {
      this.#file = newContentName();
      this.release = this.#leases.hold([this.#file]);
      this.#announced = this.#announce();
      this.#announced.catch(() => {});
      this.#writer = this.#wrap(this.#contents.create(this.#file));
    }
    if (bytes.length > 0) await this.#writer.write(bytes);
  }

  #announce(): Promise<void> {
    this.#announcedAtMs = Date.now();
    return this.#rows.announce([this.#file], this.#announcedAtMs + ARRIVAL_MS);
  }
}
