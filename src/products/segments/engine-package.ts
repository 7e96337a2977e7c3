import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { HostPackage } from "../hosts/program.ts";

/** Directories of programs that use the rows' host code, below the program root. */
export const rowHostDirectories = ["products/hosts", "products/segments/host"];

let engine: HostPackage | undefined;

/** The database engine's package, which hosts alone load. */
export function enginePackage(): HostPackage {
  engine ??= findEngine();
  return engine;
}

function findEngine(): HostPackage {
  const directory = dirname(dirname(dirname(createRequire(import.meta.url).resolve("@duckdb/node-api"))));
  const natives = readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(node|so)$/.test(name))
    .map((name) => join(directory, name));
  return { name: "@duckdb", directory, natives };
}
