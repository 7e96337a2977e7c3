import { type FileHandle, open } from "node:fs/promises";
import { removeFile } from "../../lib/durable-file.ts";
import { INLINE_BODY_BYTES, MAX_WAITING_BYTES } from "./limits.ts";

/** A body that has come whole: in memory when it is small, otherwise in a file. */
export type WrittenBody = { size: number } & ({ body: Buffer } | { file: string });

/** Where bodies go. */
export interface BodySpace {
  /** Path of a new file of this name. */
  path(name: string): string;
  newName(): string;
  /** Makes room; false: there is none. What was taken is given back with `give`. */
  take(bytes: number): boolean;
  give(bytes: number): void;
}

/** Takes a body as it comes. Room is taken with it, so that bodies on their way count like those that are kept. */
export class BodyWriter {
  size = 0;
  readonly #space: BodySpace;
  #parts: Buffer[] = [];
  #name: string | undefined;
  #waitingBytes = 0;
  #done: Promise<FileHandle | undefined> = Promise.resolve(undefined);
  #failure: unknown;
  #resume: (() => void) | undefined;
  #over = false;

  constructor(space: BodySpace) {
    this.#space = space;
  }

  /** "wait": go on when `resume` is called. "full": there is no room; discard it. */
  write(bytes: Buffer, resume: () => void): "more" | "wait" | "full" {
    if (this.#failure !== undefined || !this.#space.take(bytes.length)) return "full";
    this.size += bytes.length;
    if (this.#name === undefined && this.size <= INLINE_BODY_BYTES) {
      this.#parts.push(bytes);
      return "more";
    }
    if (this.#name === undefined) this.#toFile();
    this.#append(bytes);
    if (this.#waitingBytes <= MAX_WAITING_BYTES) return "more";
    this.#resume = resume;
    return "wait";
  }

  /** Resolves when all is written; the room stays taken. Rejects when it could not be written: discard it then. */
  async finish(): Promise<WrittenBody> {
    if (this.#name === undefined) return { size: this.size, body: Buffer.concat(this.#parts) };
    const file = await this.#done;
    this.#done = Promise.resolve(undefined);
    await file?.close();
    if (this.#failure !== undefined) throw this.#failure;
    return { size: this.size, file: this.#name };
  }

  /** Gives back the room, and removes what was written. */
  async discard(): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    this.#resume = undefined;
    this.#space.give(this.size);
    this.#parts = [];
    if (this.#name === undefined) return;
    await (await this.#done)?.close();
    await removeFile(this.#space.path(this.#name));
  }

  #toFile(): void {
    this.#name = this.#space.newName();
    const path = this.#space.path(this.#name);
    this.#done = open(path, "wx", 0o600).catch((error: unknown) => this.#fail(error));
    for (const part of this.#parts.splice(0)) this.#append(part);
  }

  #append(bytes: Buffer): void {
    this.#waitingBytes += bytes.length;
    this.#done = this.#done.then(async (file) => {
      try {
        if (!this.#over && this.#failure === undefined) await file?.appendFile(bytes);
      } catch (error) {
        this.#fail(error);
      }
      this.#waitingBytes -= bytes.length;
      if (this.#waitingBytes <= MAX_WAITING_BYTES / 2) {
        const resume = this.#resume;
        this.#resume = undefined;
        resume?.();
      }
      return file;
    });
  }

  #fail(error: unknown): undefined {
    this.#failure ??= error;
    return undefined;
  }
}
