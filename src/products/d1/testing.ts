import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { paths } from "../../domain/paths.ts";
import { DatabaseError, type Databases, type Platform } from "../../store/platform.ts";
import type { D1Meta, D1Operations, D1Rows, D1Statement, D1Value } from "./operations.ts";

/** {@link Databases} for tests of the API: SQLite in memory, files in the database's directory, canned history. */
export interface FakeDatabases extends Databases {
  calls: { operation: string; request: Record<string, unknown> }[];
  /** Holds imports and exports back until it resolves. */
  gate: Promise<void>;
  /** What every call answers instead, when set. */
  failure: DatabaseError | undefined;
}

const meta: D1Meta = {
  served_by: "test",
  served_by_region: "",
  served_by_colo: "",
  served_by_primary: true,
  timings: { sql_duration_ms: 0.1 },
  duration: 0.1,
  changes: 0,
  last_row_id: 0,
  changed_db: false,
  size_after: 4096,
  rows_read: 1,
  rows_written: 0,
};

export function fakeDatabases(platform: Platform): FakeDatabases {
  const open = new Map<string, DatabaseSync>();
  const counts = new Map<string, number>();
  const fake: FakeDatabases = {
    calls: [],
    gate: Promise.resolve(),
    failure: undefined,
    async call(accountId, databaseId, operation, request) {
      fake.calls.push({ operation, request });
      if (fake.failure) throw fake.failure;
      const directory = paths(platform.config).databaseOf(accountId, databaseId);
      if (!existsSync(directory)) throw new DatabaseError("not-found", "the database does not exist");
      const database = open.get(databaseId) ?? new DatabaseSync(":memory:");
      open.set(databaseId, database);
      if (operation === "import" || operation === "export") await fake.gate;
      try {
        return operations(database, directory, counts)[operation as keyof D1Operations](request as never);
      } catch (error) {
        throw new DatabaseError("sql", `${(error as Error).message}: SQLITE_ERROR`);
      }
    },
  };
  return fake;
}

type Implementation = {
  [Name in keyof D1Operations]: (request: D1Operations[Name]["request"]) => D1Operations[Name]["reply"];
};

function operations(database: DatabaseSync, directory: string, counts: Map<string, number>): Implementation {
  const inTransaction = <Result>(task: () => Result): Result => {
    database.exec("BEGIN");
    try {
      const result = task();
      database.exec("COMMIT");
      return result;
    } catch (error) {
      database.exec("ROLLBACK");
      throw error;
    }
  };
  const run = ({ sql, params = [] }: D1Statement): D1Rows => {
    counts.set(sql, (counts.get(sql) ?? 0) + 1);
    const statement = database.prepare(sql);
    const columns = statement.columns().map(({ name }) => name);
    statement.setReturnArrays(true);
    const values = params.map((value): SQLInputValue => (Array.isArray(value) ? new Uint8Array(value) : value));
    return { columns, rows: statement.all(...values) as unknown as D1Value[][], meta };
  };
  return {
    batch: ({ statements }) => ({ results: inTransaction(() => statements.map(run)), bookmark: "b-2" }),
    script: ({ sql, params }) => {
      const texts = sql.split(/;\s*/).filter((text) => text.trim() !== "");
      return {
        results: inTransaction(() => texts.map((text) => run({ sql: text, ...(params && { params }) }))),
        bookmark: "b-2",
      };
    },
    info: () => ({ fileBytes: 4096, tables: 1 }),
    bookmark: ({ atMs }) => ({ bookmark: atMs === undefined ? "b-1" : `b-at-${atMs}` }),
    restore: ({ bookmark }) => {
      if (!bookmark.startsWith("b-")) throw new Error("no such bookmark");
      return { bookmark, previousBookmark: "b-1" };
    },
    import: ({ file }) => {
      inTransaction(() => database.exec(readFileSync(`${directory}/${file}`, "utf8")));
      return { queries: 2, meta, bookmark: "b-3" };
    },
    export: ({ file, ...options }) => {
      const text = `PRAGMA defer_foreign_keys=TRUE;\n-- ${JSON.stringify(options)}\n`;
      writeFileSync(`${directory}/${file}`, text);
      return { bytes: text.length, bookmark: "b-1" };
    },
    insights: () => ({
      queries: [...counts].map(([sql, count]) => ({
        sql,
        count,
        totalMs: count * sql.length,
        rowsRead: count,
        rowsWritten: sql.startsWith("INSERT") ? count : 0,
      })),
    }),
    close: () => ({}),
  };
}
