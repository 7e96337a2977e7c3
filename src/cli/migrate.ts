import { existsSync, writeFileSync } from "node:fs";
import { isAbsolute, join, normalize, resolve } from "node:path";
import { lineDiff } from "../lib/line-diff.ts";
import { toWorker } from "../pages/to-worker/config.ts";
import {
  type Command,
  CommandError,
  configOptionsHelp,
  parseWithConfig,
  UsageError,
  withPlatformHere,
} from "./command.ts";
import { filesOf, textOf } from "./migrate/directory.ts";
import { factsOf } from "./migrate/facts.ts";
import { inLines } from "./one-line.ts";
import { configFile, withValues } from "./wrangler-config.ts";
import { readWranglerEnv } from "./wrangler-env.ts";

export const migrate: Command = {
  usage: "migrate pages-to-workers <project> [--directory DIR] [--assets DIR] [--write] [options]",
  summary: "Rewrites a Pages project's configuration into that of a Worker with assets, and shows the difference.",
  details: `Of a wrangler file (JSON or TOML) only what has to change does; comments and layout stay.

  --directory DIR  directory of the project, where wrangler runs (default: here)
  --assets DIR     directory in it that is deployed (default: the one of the project's settings, else dist)
  --write          writes the files; without it they are only shown
${configOptionsHelp}`,
  async run(args, terminal) {
    const io = inLines(terminal);
    const options = { directory: { type: "string" }, assets: { type: "string" }, write: { type: "boolean" } } as const;
    const here = { ...io, env: withPlatformHere(io.env) };
    const { config, values, positionals } = parseWithConfig(args, options, here, true);
    const [what, name, ...more] = positionals;
    if (what !== "pages-to-workers" || name === undefined || more.length > 0)
      throw new UsageError("Say what to migrate: pages-to-workers, and the name of the project.");
    const { project, directory } = await factsOf(readWranglerEnv(config), name);
    const root = resolve(values.directory ?? ".");
    const file = configFile(root);
    const assets = values.assets ?? ownDirectory(directory) ?? file.values.pages_build_output_dir ?? "dist";
    const files = filesOf(root, String(assets), file.values);
    const made = toWorker(project, files);
    const changes = [
      { path: join(root, file.name), text: withValues(file, made.config) },
      ...Object.entries(made.files).map(([path, text]) => ({ path: join(root, files.directory, path), text })),
    ].filter(({ path, text }) => textOf(path) !== text);
    for (const { path, text } of changes) {
      io.out(path);
      for (const line of difference(textOf(path), text)) io.out(line);
      if (values.write) writeFileSync(path, text);
    }
    io.out("");
    for (const other of otherFiles(root, file.name)) io.out(`Remove ${other}: it is the project's.`);
    for (const note of made.notes) io.out(note);
    const env = made.config.env === undefined ? "" : ' --env=""';
    io.out(
      values.write
        ? `Written. Deploy with: npx wrangler deploy${env}`
        : `Nothing is written yet; --write does it. Then: npx wrangler deploy${env}`,
    );
    return 0;
  },
};

/** What the platform says was written by whoever may change the project: it leads to nothing outside of the directory. */
function ownDirectory(said: string | undefined): string | undefined {
  if (said && (isAbsolute(said) || normalize(said).split("/").includes("..")))
    throw new CommandError(
      `The project's settings say that ${said} is deployed, which is outside of its directory. Say with --assets which directory it is.`,
    );
  return said;
}

function otherFiles(root: string, written: string): string[] {
  return ["wrangler.json", "wrangler.jsonc", "wrangler.toml"].filter(
    (name) => name !== written && existsSync(join(root, name)),
  );
}

const marks = { same: "  ", removed: "- ", added: "+ " };

function difference(before: string, after: string): string[] {
  const lines = (text: string) => (text === "" ? [] : text.replace(/\n$/, "").split("\n"));
  return lineDiff(lines(before), lines(after)).map(({ kind, line }) => marks[kind] + line);
}
