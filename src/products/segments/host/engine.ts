import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { MEMORY_MB, THREADS } from "./limits.ts";
import { quoted } from "./quoted.ts";

/**
 * An engine without a database of its own that may read and write below one directory and nowhere else, loads nothing and
 * keeps its settings.
 * @param statements Run before it is locked, such as settings and macros.
 */
export async function openEngine(directory: string, statements: readonly string[] = []): Promise<DuckDBConnection> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  const settings = [
    `set threads = ${THREADS}`,
    `set memory_limit = '${MEMORY_MB}MiB'`,
    "set temp_directory = ''",
    "set TimeZone = 'UTC'",
    "set autoinstall_known_extensions = false",
    "set autoload_known_extensions = false",
    `set allowed_directories = [${quoted(`${directory}/`)}]`,
    "set enable_external_access = false",
  ];
  for (const statement of [...settings, ...statements, "set lock_configuration = true"]) {
    await connection.run(statement);
  }
  return connection;
}
