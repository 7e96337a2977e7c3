import { mkdirSync, openSync, rmSync } from "node:fs";
import { type FileHandle, link, mkdir, open, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { removeFile, syncDirectory } from "../../lib/durable-file.ts";
import { type ContentRange, type Contents, type ContentWriter, checkContentName } from "./contents.ts";

/** Directory of what is being written, beside the contents. */
export const INCOMING = "incoming";

/** Contents as files, `<root>/<2 hex>/<30 hex>`: each written whole, synced, and only then put in place. */
export class DirectoryContents implements Contents {
  readonly #root: string;
  readonly #incoming: string;
  /** Directories that are there for sure. */
  readonly #made = new Set<string>();

  /** What an earlier process had not finished is removed. */
  constructor(root: string) {
    this.#root = root;
    this.#incoming = join(root, INCOMING);
    rmSync(this.#incoming, { recursive: true, force: true });
    mkdirSync(this.#incoming, { recursive: true, mode: 0o700 });
  }

  create(name: string): ContentWriter {
    checkContentName(name);
    return new FileWriter(join(this.#incoming, name), () => this.#place(name));
  }

  read(name: string, offset: number, length: number): ContentRange {
    return { descriptor: openSync(this.#path(name), "r"), offset, length };
  }

  /** A second name for the same file. */
  async copy(from: string, to: string): Promise<void> {
    const path = await this.#place(to);
    await link(this.#path(from), path);
    await syncDirectory(dirname(path));
  }

  remove(name: string): Promise<void> {
    return removeFile(this.#path(name));
  }

  #path(name: string): string {
    checkContentName(name);
    return join(this.#root, name.slice(0, 2), name.slice(2));
  }

  /** The path of a new content; its directory is there, durably. */
  async #place(name: string): Promise<string> {
    const path = this.#path(name);
    const directory = dirname(path);
    if (!this.#made.has(directory)) {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await syncDirectory(this.#root);
      this.#made.add(directory);
    }
    return path;
  }
}

class FileWriter implements ContentWriter {
  readonly #temporary: string;
  readonly #place: () => Promise<string>;
  readonly #handle: Promise<FileHandle>;

  constructor(temporary: string, place: () => Promise<string>) {
    this.#temporary = temporary;
    this.#place = place;
    this.#handle = open(temporary, "wx", 0o600);
    // Whoever writes is told.
    this.#handle.catch(() => {});
  }

  async write(bytes: Buffer): Promise<void> {
    const handle = await this.#handle;
    for (let at = 0; at < bytes.length; ) at += (await handle.write(bytes, at)).bytesWritten;
  }

  async finish(): Promise<void> {
    const handle = await this.#handle;
    await handle.sync();
    await handle.close();
    const path = await this.#place();
    await rename(this.#temporary, path);
    await syncDirectory(dirname(path));
  }

  async abandon(): Promise<void> {
    await this.#handle.then((handle) => handle.close()).catch(() => {});
    await removeFile(this.#temporary).catch(() => {});
  }
}
