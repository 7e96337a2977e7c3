import { readFileSync } from "node:fs";
import type { Command } from "./command.ts";

/** The version of this Freehold, from package.json. */
export function freeholdVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  return String(version);
}

export const version: Command = {
  usage: "version",
  summary: "Prints the version.",
  async run(_args, io) {
    io.out(freeholdVersion());
    return 0;
  },
};
