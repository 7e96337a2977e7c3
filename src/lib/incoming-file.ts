import { type FileHandle, open, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { removeFile, syncDirectory } from "./durable-file.ts";

/** A file that is written under a temporary name, synced, and only then put in its place: nobody sees a part of it. */
export class IncomingFile {
  readonly #temporary: string;
  readonly #handle: Promise<FileHandle>;

  /** `temporary`: a path where nothing is yet, on the file system of the place; its directory must be there. */
  constructor(temporary: string) {
    this.#temporary = temporary;
    this.#handle = open(temporary, "wx", 0o600);
    // Whoever writes is told.
    this.#handle.catch(() => {});
  }

  async write(bytes: Buffer): Promise<void> {
    const handle = await this.#handle;
    for (let at = 0; at < bytes.length; ) at += (await handle.write(bytes, at)).bytesWritten;
  }

  /** Puts the file in place, durably. `placeAt` makes its path, with the directory. */
  async finish(placeAt: () => Promise<string>): Promise<void> {
    const handle = await this.#handle;
    await handle.sync();
    await handle.close();
    const path = await placeAt();
    await rename(this.#temporary, path);
    await syncDirectory(dirname(path));
  }

  /** Forgets it. */
  async abandon(): Promise<void> {
    await this.#handle.then((handle) => handle.close()).catch(() => {});
    await removeFile(this.#temporary).catch(() => {});
  }
}
