import { join } from "node:path";

/** The SQLite host's program: files of this directory alone, which is all of ours that it may see. */
export const databaseHostProgram = { directory: join(import.meta.dirname, "host"), main: "main.js" };
