import type { HostProgram } from "../hosts/program.ts";

/** The SQLite host's program. */
export const databaseHostProgram: HostProgram = {
  directories: ["products/hosts", "products/d1/host"],
  main: "products/d1/host/main.js",
};
