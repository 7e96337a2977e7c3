import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { lineDiff } from "../lib/line-diff.ts";
import { type ShownProject, workerConfig } from "../pages/worker-config.ts";
import { parseRoutesJson, RoutesJsonError } from "../products/assets/routes-json.ts";
import { callApi } from "./api-client.ts";
import {
  type Command,
  CommandError,
  configOptionsHelp,
  parseWithConfig,
  UsageError,
  withPlatformHere,
} from "./command.ts";
import { readWranglerEnv } from "./wrangler-env.ts";

const FILE = "wrangler.jsonc";
/** Files that wrangler would read instead or before. */
const OTHERS = ["wrangler.json", "wrangler.toml"];

export const migrate: Command = {
  usage: "migrate pages-to-workers <project> [--directory DIR] [--write] [options]",
  summary: "Rewrites a Pages project's configuration into that of a Worker with assets, and shows the difference.",
  details: `  --directory DIR  directory of the project, where wrangler runs (default: here)
  --write          writes the files; without it they are only shown
${configOptionsHelp}`,
  async run(args, io) {
    const options = { directory: { type: "string" }, write: { type: "boolean" } } as const;
    const here = { ...io, env: withPlatformHere(io.env) };
    const { config, values, positionals } = parseWithConfig(args, options, here, true);
    const [what, name, ...more] = positionals;
    if (what !== "pages-to-workers" || name === undefined || more.length > 0)
      throw new UsageError("Say what to migrate: pages-to-workers, and the name of the project.");
    const env = readWranglerEnv(config);
    const directory = resolve(values.directory ?? ".");
    const project = (await callApi(env, "GET", `/pages/projects/${encodeURIComponent(name)}`)) as ShownProject;
    const { schedules } = (await callApi(env, "GET", `/workers/scripts/pages-worker--${name}/schedules`)) as {
      schedules: { cron: string }[];
    };
    const deployed = resolve(directory, project.build_config.destination_dir ?? "dist");
    const made = workerConfig(project, {
      hasNotFoundPage: existsSync(join(deployed, "404.html")),
      hasWorker: existsSync(join(deployed, "_worker.js")),
      routes: routesOf(join(deployed, "_routes.json")),
      crons: schedules.map(({ cron }) => cron),
    });
    const files = { [join(directory, FILE)]: `${JSON.stringify(made.config, null, 2)}\n` };
    if (made.ignored.length > 0) files[join(deployed, ".assetsignore")] = `${made.ignored.join("\n")}\n`;
    for (const [path, text] of Object.entries(files)) {
      io.out(path);
      for (const line of difference(textOf(path), text)) io.out(line);
      if (values.write) writeFileSync(path, text);
    }
    for (const other of OTHERS.filter((file) => existsSync(join(directory, file))))
      io.out(`Remove ${other} (it is the project's), or wrangler reads two files.`);
    for (const note of made.notes) io.out(note);
    io.out(values.write ? "Written. Deploy with: npx wrangler deploy" : "Nothing is written yet; --write does it.");
    return 0;
  },
};

function routesOf(path: string) {
  const text = textOf(path);
  if (text === "") return undefined;
  try {
    return parseRoutesJson(text);
  } catch (error) {
    if (error instanceof RoutesJsonError) throw new CommandError(`${path} is not valid: ${error.message}.`);
    throw error;
  }
}

function textOf(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

const marks = { same: "  ", removed: "- ", added: "+ " };

function difference(before: string, after: string): string[] {
  const lines = (text: string) => (text === "" ? [] : text.replace(/\n$/, "").split("\n"));
  return lineDiff(lines(before), lines(after)).map(({ kind, line }) => marks[kind] + line);
}
