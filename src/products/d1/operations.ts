/**
 * What can be done with a D1 database, whoever asks: a Worker's binding (through services) or the API (through control).
 * Control sends `POST /d1/<account>/<database>/<operation>` to the services socket, request and reply as JSON.
 */

/** Values that cross the wire: blobs are arrays of byte numbers, as the client's protocol has them. */
export type D1Value = null | number | string | number[];

export interface D1Statement {
  sql: string;
  params?: D1Value[];
}

/** `meta` of a result, as the client knows it (`workers-semantics.md` 9). Times in milliseconds, sizes in bytes. */
export interface D1Meta {
  served_by: string;
  served_by_region: string;
  served_by_colo: string;
  served_by_primary: boolean;
  timings: { sql_duration_ms: number };
  duration: number;
  changes: number;
  last_row_id: number;
  changed_db: boolean;
  size_after: number;
  rows_read: number;
  rows_written: number;
}

export interface D1Rows {
  columns: string[];
  rows: D1Value[][];
  meta: D1Meta;
}

/** A failure that the caller is told of; `message` is SQLite's, with its code, as the original words it. */
export interface D1Failure {
  code: "sql" | "refused" | "timeout" | "too-large" | "not-found" | "unavailable" | "bad-bookmark";
  message: string;
  /** Index of the statement that failed. */
  statement?: number;
}

export interface D1Operations {
  /** Statements of one transaction: all take effect or none. Each holds one SQL statement. */
  batch: { request: { statements: D1Statement[]; bookmark?: string }; reply: { results: D1Rows[]; bookmark: string } };
  /** SQL text with any number of statements, in one transaction; parameters belong to the single statement. */
  script: { request: { sql: string; params?: D1Value[] }; reply: { results: D1Rows[]; bookmark: string } };
  info: { request: Record<string, never>; reply: { fileBytes: number; tables: number } };
  /** The bookmark of now, or of a moment within the retention (`atMs`: Unix time in milliseconds). */
  bookmark: { request: { atMs?: number }; reply: { bookmark: string } };
  /** Puts the database back to what it was at the bookmark. `previousBookmark` undoes it. */
  restore: { request: { bookmark: string }; reply: { bookmark: string; previousBookmark: string } };
  /** Runs the SQL file of this name in the database's directory, in one transaction. */
  import: { request: { file: string }; reply: { queries: number; meta: D1Meta; bookmark: string } };
  /** Writes SQL text to a file of this name in the database's directory. */
  export: {
    request: { file: string; schema: boolean; data: boolean; tables: string[] };
    reply: { bytes: number; bookmark: string };
  };
  /** What each distinct statement has cost since the host was started, costliest first. */
  insights: { request: Record<string, never>; reply: { queries: D1QueryInsight[] } };
  /** Closes the file. The next operation opens it again. */
  close: { request: Record<string, never>; reply: Record<string, never> };
}

export interface D1QueryInsight {
  sql: string;
  count: number;
  totalMs: number;
  rowsRead: number;
  rowsWritten: number;
  /** Rows that callers were given; absent where the host does not count them. */
  rowsReturned?: number;
}
