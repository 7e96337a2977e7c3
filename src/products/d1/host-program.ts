import type { HostProgram } from "../hosts/program.ts";

/** The SQLite host's program. */
export const databaseHostProgram: HostProgram = { directories: ["hosts", "d1/host"], main: "d1/host/main.js" };
