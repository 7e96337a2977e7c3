import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { postgresMissing, TestPostgres } from "../../store/testing-postgres.ts";
import { PostgresBucketRows, prepareR2 } from "./postgres-rows.ts";
import type { BucketRows } from "./rows.ts";
import { SqliteBucketRows } from "./sqlite-rows.ts";

/** A driver under test, with a bucket of its own. */
export interface TestRows {
  rows: BucketRows;
  /** The same rows, opened anew. */
  reopen(): Promise<BucketRows>;
  end(): Promise<void>;
}

export interface RowsDriver {
  name: string;
  /** Why it cannot be tested here; undefined: it can. */
  unavailable: string | undefined;
  /** Before the first test, and after the last. */
  start(): Promise<void>;
  stop(): Promise<void>;
  open(): Promise<TestRows>;
}

export const sqliteDriver: RowsDriver = {
  name: "SQLite",
  unavailable: undefined,
  async start() {},
  async stop() {},
  async open() {
    const directory = mkdtempSync(join(tmpdir(), "fh-r2-rows-"));
    const path = join(directory, "index.sqlite");
    let rows = new SqliteBucketRows(path);
    return {
      rows,
      async reopen() {
        rows.close();
        rows = new SqliteBucketRows(path);
        return rows;
      },
      async end() {
        rows.close();
        rmSync(directory, { recursive: true, force: true });
      },
    };
  },
};

let server: TestPostgres | undefined;
let opened = 0;

export const postgresDriver: RowsDriver = {
  name: "PostgreSQL",
  unavailable: postgresMissing(),
  async start() {
    server = await TestPostgres.start();
    const client = server.connect();
    await prepareR2(client);
    // Every process of a platform does so when it starts.
    await prepareR2(client);
    await client.close();
  },
  async stop() {
    await server?.stop();
  },
  async open() {
    if (!server) throw new Error("there is no server");
    const id = `bucket ${opened++}`;
    let client = server.connect();
    return {
      rows: new PostgresBucketRows(client, id),
      async reopen() {
        await client.close();
        if (!server) throw new Error("there is no server");
        client = server.connect();
        return new PostgresBucketRows(client, id);
      },
      async end() {
        await client.close();
      },
    };
  },
};
