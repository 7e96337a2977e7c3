/** Drivers of a store of rows under test: each product's contract suite runs over both. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe } from "vitest";
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

/** The rows of the test that runs now. */
export interface OpenedRows<Rows> {
  readonly rows: Rows;
  /** Opens them anew. */
  reopen(): Promise<void>;
}

/** Runs a contract suite over each driver that can be tested here; of the others it says why not. */
export function describeRows<Rows>(
  what: string,
  drivers: readonly RowsDriver<Rows>[],
  suite: (opened: OpenedRows<Rows>) => void,
): void {
  for (const driver of drivers) {
    if (driver.unavailable) console.log(`${what} on ${driver.name} are not tested: ${driver.unavailable}`);
    describe.skipIf(driver.unavailable !== undefined)(`rows on ${driver.name}`, () => {
      let place: TestRows<Rows>;
      let rows: Rows;
      beforeAll(() => driver.start(), 60_000);
      afterAll(() => driver.stop());
      beforeEach(async () => {
        place = await driver.open();
        rows = place.rows;
      });
      afterEach(() => place.end());
      suite({
        get rows() {
          return rows;
        },
        async reopen() {
          rows = await place.reopen();
        },
      });
    });
  }
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
