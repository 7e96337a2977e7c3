import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repository } from "./platform.ts";

/** A copy of a fixture that a test may change. Packages resolve to those of this repository. */
export class Project {
  readonly directory: string;

  constructor(fixture: string) {
    this.directory = mkdtempSync(join(tmpdir(), `fh-${fixture}-`));
    cpSync(join(repository, "test/fixtures", fixture), this.directory, { recursive: true });
    // Each package alone: wrangler keeps caches in a project's node_modules, and those must not outlive the project.
    mkdirSync(join(this.directory, "node_modules"));
    const { dependencies = {} } = JSON.parse(this.read("package.json")) as { dependencies?: Record<string, string> };
    for (const name of Object.keys(dependencies)) {
      symlinkSync(join(repository, "node_modules", name), join(this.directory, "node_modules", name));
    }
  }

  read(path: string): string {
    return readFileSync(join(this.directory, path), "utf8");
  }

  write(path: string, content: string): void {
    writeFileSync(join(this.directory, path), content);
  }

  /** Replaces text in a file; throws when it is not there, so that a test cannot change nothing. */
  replace(path: string, from: string, to: string): void {
    const before = this.read(path);
    if (!before.includes(from)) throw new Error(`${path} does not contain ${from}`);
    this.write(path, before.replace(from, to));
  }

  /** Merges keys into `wrangler.json`. */
  configure(settings: Record<string, unknown>): void {
    this.write(
      "wrangler.json",
      JSON.stringify({ ...(JSON.parse(this.read("wrangler.json")) as object), ...settings }, null, 2),
    );
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
