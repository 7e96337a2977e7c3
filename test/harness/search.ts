import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Files below a directory that hold the text. Those that go away meanwhile are passed over: the platform is at work on them. */
export function filesWith(text: string, directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    try {
      if (entry.isDirectory()) return filesWith(text, path);
      return entry.isFile() && readFileSync(path).includes(text) ? [path] : [];
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
      throw error;
    }
  });
}
