import type { Kysely } from "kysely";
import { type Skip, skipNone, soundRows } from "../domain/publication.ts";
import { KeptFile } from "../lib/durable-file.ts";
import type { Platform } from "./platform.ts";
import type { Database } from "./schema.ts";

export interface SealedRows<Row> {
  rows(db: Kysely<Database>): Promise<Row[]>;
  /** What of a row is sealed: one that cannot be opened is left out. */
  sealedOf(row: Row): string;
  /** What the file says of a row. */
  published(row: Row): unknown;
  /** For whoever runs the platform, when a row is left out. */
  nameOf(row: Row): string;
}

/** The file by which services know rows with secrets in them, so that these are in force with the control process dead, too. */
export class SealedRowFile<Row> {
  readonly #db: Kysely<Database>;
  readonly #file: KeptFile;
  readonly #unseal: Platform["unseal"];
  readonly #kind: SealedRows<Row>;

  constructor(db: Kysely<Database>, path: string, unseal: Platform["unseal"], kind: SealedRows<Row>) {
    this.#db = db;
    this.#file = new KeptFile(path);
    this.#unseal = unseal;
    this.#kind = kind;
  }

  /** Makes the file say what the database does. Most of the time it does already. A broken row is left out. */
  async write(skip: Skip = skipNone): Promise<void> {
    const { rows, sealedOf, published, nameOf } = this.#kind;
    const sound = (row: Row) => {
      this.#unseal({ sealed: sealedOf(row) });
      return published(row);
    };
    await this.#file.write(JSON.stringify(soundRows(await rows(this.#db), sound, nameOf, skip)));
  }
}
