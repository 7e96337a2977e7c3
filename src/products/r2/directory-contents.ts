import { constants, mkdirSync, openSync, rmSync } from "node:fs";
import { copyFile, link, mkdir, open, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { removeFile, syncDirectory } from "../../lib/durable-file.ts";
import { IncomingFile } from "../../lib/incoming-file.ts";
import { type ContentRange, type Contents, type ContentWriter, checkContentName } from "./contents.ts";

/** Directory of what is being written, beside the contents. */
export const INCOMING = "incoming";

/** Why a file gets no second name: it has too many (65,000 on ext4), or the file system gives none. */
const NO_LINK: ReadonlySet<string | undefined> = new Set(["EMLINK", "EPERM", "ENOTSUP", "EOPNOTSUPP"]);

/** Contents as files, `<root>/<2 hex>/<30 hex>`: each written whole, synced, and only then put in place. */
export class DirectoryContents implements Contents {
  readonly #root: string;
  readonly #incoming: string;
  /** Directories that are there for sure. */
  readonly #made = new Set<string>();
  readonly #link: typeof link;

  /** What an earlier process had not finished is removed. `givenLink`: for tests. */
  constructor(root: string, givenLink = link) {
    this.#root = root;
    this.#link = givenLink;
    this.#incoming = join(root, INCOMING);
    rmSync(this.#incoming, { recursive: true, force: true });
    mkdirSync(this.#incoming, { recursive: true, mode: 0o700 });
  }

  create(name: string): ContentWriter {
    checkContentName(name);
    const file = new IncomingFile(join(this.#incoming, name));
    return {
      write: (bytes) => file.write(bytes),
      finish: () => file.finish(() => this.#place(name)),
      abandon: () => file.abandon(),
    };
  }

  read(name: string, offset: number, length: number): ContentRange {
    return { descriptor: openSync(this.#path(name), "r"), offset, length };
  }

  /** A second name for the same file; where it can have none, its bytes once more. */
  async copy(from: string, to: string): Promise<void> {
    const path = await this.#place(to);
    try {
      await this.#link(this.#path(from), path);
    } catch (error) {
      if (!NO_LINK.has((error as NodeJS.ErrnoException).code)) throw error;
      await this.#copyBytes(this.#path(from), to, path);
    }
    await syncDirectory(dirname(path));
  }

  async #copyBytes(from: string, to: string, path: string): Promise<void> {
    const temporary = join(this.#incoming, to);
    try {
      // A file system that can share the blocks does.
      await copyFile(from, temporary, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
      const handle = await open(temporary, "r+");
      await handle.sync().finally(() => handle.close());
      await rename(temporary, path);
    } catch (error) {
      await removeFile(temporary).catch(() => {});
      throw error;
    }
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
