import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { HostProgram } from "../hosts/program.ts";

/** Which of the two a host is: it answers queries and can write nothing, or it packs segments and knows no queries. */
export type AnalyticsHostMode = "query" | "pack";

let program: HostProgram | undefined;

/** The analytics host's program, the only one that loads the database engine. */
export function analyticsHostProgram(): HostProgram {
  program ??= {
    directories: ["hosts", "analytics/host"],
    main: "analytics/host/main.js",
    packages: findEngine(),
  };
  return program;
}

function findEngine(): NonNullable<HostProgram["packages"]> {
  const directory = dirname(dirname(dirname(createRequire(import.meta.url).resolve("@duckdb/node-api"))));
  const natives = readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(node|so)$/.test(name))
    .map((name) => join(directory, name));
  return { name: "@duckdb", directory, natives };
}
