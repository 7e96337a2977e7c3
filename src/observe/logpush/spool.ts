import {
  close,
  fdatasync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { SYNC_DELAY_MS } from "./limits.ts";

/** A file of records that nothing is added to any more: it is pushed as a whole. */
export interface Batch {
  name: string;
  records: number;
  bytes: number;
}

/** What a batch holds, and the time between its first record and its last. */
export interface BatchContent {
  firstMs: number;
  lastMs: number;
  /** Its records, with what was to stand between them. */
  text: string;
}

const OPEN = /^(\d{12})\.open$/;
const SEALED = /^(\d{12})-(\d+)\.batch$/;

/** Time, record, and what is to stand between it and the next, which counts as it is put together in memory with the rest. */
type Line = [atMs: number, text: string, delimiter?: string];

/**
 * Records of one job on their way: files in a directory, `<number>.open` to be added to and `<number>-<records>.batch` behind
 * it, each line a {@link Line} in JSON. A record that was taken is in the file when the call returns, so a process that
 * is killed loses none; it is on disk for certain a second later.
 */
export class Spool {
  readonly #directory: string;
  readonly #maxBytes: number;
  readonly #lost: (records: number) => void;
  readonly #sealed: Batch[] = [];
  #next: number;
  #file: number | undefined;
  #isSyncing = false;
  /** Of what is not sealed. */
  bytes = 0;
  records = 0;

  /** `maxBytes`: beyond, what is oldest is removed, and `lost` is told of it. */
  constructor(directory: string, maxBytes: number, lost: (records: number) => void) {
    this.#directory = directory;
    this.#maxBytes = maxBytes;
    this.#lost = lost;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    let last = 0;
    // A copy that was made meanwhile may have a file under both its names.
    const names = new Set(readdirSync(directory).map((name) => this.#sealLeft(name)));
    for (const name of [...names].sort()) {
      const [, number, records] = SEALED.exec(name) ?? [];
      if (records === undefined) continue;
      last = Number(number);
      this.#sealed.push({ name, records: Number(records), bytes: statSync(join(directory, name)).size });
    }
    this.#next = last + 1;
  }

  /** Throws when the disk is full. */
  append(texts: readonly string[], nowMs: number, delimiter = ""): void {
    const rest = delimiter === "" ? [] : [delimiter];
    const lines = texts.map((text) => `${JSON.stringify([nowMs, text, ...rest])}\n`).join("");
    this.#file ??= openSync(this.#openPath(), "a", 0o600);
    this.bytes += writeSync(this.#file, lines);
    this.records += texts.length;
    this.#syncLater();
    this.#makeRoom();
  }

  /** What comes next begins another batch. */
  seal(): void {
    if (this.#file === undefined) return;
    const file = this.#file;
    this.#file = undefined;
    fdatasync(file, () => close(file));
    const batch = { name: `${this.#number()}-${this.records}.batch`, records: this.records, bytes: this.bytes };
    try {
      renameSync(this.#openPath(), join(this.#directory, batch.name));
      this.#sealed.push(batch);
    } catch {
      // Somebody has removed it.
      this.#lost(batch.records);
    }
    this.#next++;
    this.bytes = 0;
    this.records = 0;
  }

  /** The batch that is to be pushed next. */
  get oldest(): Batch | undefined {
    return this.#sealed[0];
  }

  /** Undefined: it is gone, or holds nothing that can be read. */
  async read({ name }: Batch): Promise<BatchContent | undefined> {
    let text: string;
    try {
      text = await readFile(join(this.#directory, name), "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
    const lines = text.split("\n").flatMap(readLine);
    const [first, last] = [lines[0], lines.at(-1)];
    if (!first || !last) return undefined;
    const parts = lines.map((line, index) => (index === lines.length - 1 ? line[1] : line[1] + (line[2] ?? "")));
    return { firstMs: first[0], lastMs: last[0], text: parts.join("") };
  }

  /** It has been pushed. */
  async remove(batch: Batch): Promise<void> {
    await rm(join(this.#directory, batch.name), { force: true });
    const index = this.#sealed.indexOf(batch);
    if (index !== -1) this.#sealed.splice(index, 1);
  }

  /** Of a process that was killed: the last line may be a part, when the machine lost power. */
  #sealLeft(name: string): string {
    const [, number] = OPEN.exec(name) ?? [];
    if (number === undefined) return name;
    const records = readFileSync(join(this.#directory, name), "utf8").split("\n").flatMap(readLine).length;
    const sealed = `${number}-${records}.batch`;
    renameSync(join(this.#directory, name), join(this.#directory, sealed));
    return sealed;
  }

  #makeRoom(): void {
    let bytes = this.bytes + this.#sealed.reduce((sum, batch) => sum + batch.bytes, 0);
    while (bytes > this.#maxBytes) {
      const batch = this.#sealed.shift();
      if (!batch) return;
      rmSync(join(this.#directory, batch.name), { force: true });
      bytes -= batch.bytes;
      this.#lost(batch.records);
    }
  }

  #syncLater(): void {
    if (this.#isSyncing) return;
    this.#isSyncing = true;
    setTimeout(() => {
      this.#isSyncing = false;
      if (this.#file !== undefined) fdatasync(this.#file, () => {});
    }, SYNC_DELAY_MS).unref();
  }

  #number(): string {
    return String(this.#next).padStart(12, "0");
  }

  #openPath(): string {
    return join(this.#directory, `${this.#number()}.open`);
  }
}

function readLine(line: string): Line[] {
  try {
    const [atMs, text, delimiter] = JSON.parse(line);
    return typeof atMs === "number" && typeof text === "string" ? [[atMs, text, delimiter]] : [];
  } catch {
    return [];
  }
}
