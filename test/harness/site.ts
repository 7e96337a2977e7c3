import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { repository } from "./platform.ts";

/** Content by path below `public`. */
export type SiteFiles = Record<string, string | Buffer>;

/** A directory that wrangler can deploy: a configuration, static files in `public`, and whatever a test writes beside them. */
export class Site {
  readonly directory = mkdtempSync(join(tmpdir(), "fh-site-"));

  /** `settings` goes into the configuration; its `assets` joins the directory. */
  constructor(name: string, files: SiteFiles, settings: Record<string, unknown> = {}) {
    for (const [path, content] of Object.entries(files)) this.write(`public/${path}`, content);
    const { assets = {}, ...others } = settings;
    const config = { name, compatibility_date: "2026-01-01", assets: { directory: "./public", ...(assets as object) } };
    this.write("wrangler.json", JSON.stringify({ ...config, ...others }));
  }

  write(path: string, content: string | Buffer): void {
    mkdirSync(dirname(join(this.directory, path)), { recursive: true });
    writeFileSync(join(this.directory, path), content);
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Copies a fixture's files into a new directory, for a test that installs packages of its own there; remove it at the end. */
export function copyOfFixture(fixture: string): string {
  const directory = mkdtempSync(join(tmpdir(), `fh-${fixture}-`));
  cpSync(join(repository, "test/fixtures", fixture), directory, { recursive: true });
  return directory;
}
