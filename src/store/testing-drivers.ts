/** Drivers of a store of rows under test: each product's contract suite runs over both. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SqlClient } from "./postgres.ts";
import { postgresMissing, TestPostgres } from "./testing-postgres.ts";

/** Rows under test, of a place of their own: a namespace, a queue, a bucket. */
export interface TestRows<Rows> {
  rows: Rows;
  /** The same rows, opened anew. */
  reopen(): Promise<Rows>;
  end(): Promise<void>;
}

export interface RowsDriver<Rows> {
  name: string;
  /** Why it cannot be tested here; undefined: it can. */
  unavailable: string | undefined;
  /** Before the first test, and after the last. */
  start(): Promise<void>;
  stop(): Promise<void>;
  open(): Promise<TestRows<Rows>>;
}

/** `make` opens the rows of a file. */
export function sqliteDriver<Rows extends { close(): unknown }>(make: (path: string) => Rows): RowsDriver<Rows> {
  return {
    name: "SQLite",
    unavailable: undefined,
    async start() {},
    async stop() {},
    async open() {
      const directory = mkdtempSync(join(tmpdir(), "fh-rows-"));
      const path = join(directory, "rows.sqlite");
      let rows = make(path);
      return {
        rows,
        async reopen() {
          rows.close();
          rows = make(path);
          return rows;
        },
        async end() {
          rows.close();
          rmSync(directory, { recursive: true, force: true });
        },
      };
    },
  };
}

/** `prepare` makes the tables, `make` opens the rows of one place. */
export function postgresDriver<Rows>(
  prepare: (client: SqlClient) => Promise<void>,
  make: (client: SqlClient, id: string) => Rows,
): RowsDriver<Rows> {
  let server: TestPostgres | undefined;
  let opened = 0;
  const connect = () => {
    if (!server) throw new Error("there is no server");
    return server.connect();
  };
  return {
    name: "PostgreSQL",
    unavailable: postgresMissing(),
    async start() {
      server = await TestPostgres.start();
      const client = connect();
      await prepare(client);
      // Every process of a platform does so when it starts.
      await prepare(client);
      await client.close();
    },
    async stop() {
      await server?.stop();
    },
    async open() {
      const id = `place ${opened++}`;
      let client = connect();
      return {
        rows: make(client, id),
        async reopen() {
          await client.close();
          client = connect();
          return make(client, id);
        },
        end: () => client.close(),
      };
    },
  };
}
