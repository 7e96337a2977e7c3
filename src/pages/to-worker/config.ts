/** A Pages project as a Worker with assets (`pages-and-builds.md` 19.2). */
import { scriptOfProject } from "../names.ts";
import { wordsOf } from "./bindings.ts";
import { withDefaultHeaders } from "./default-headers.ts";
import { developmentOnly, ownClassesOf, previewOf, productionOf } from "./file-words.ts";
import { notesOf } from "./notes.ts";
import type { MovedProject, ProjectFiles, ShownEnvironment } from "./project.ts";
import { workerFirst } from "./worker-first.ts";

export interface MovedToWorker {
  /** The wrangler file. */
  config: Record<string, unknown>;
  /** Files of the deployed directory that change, and their texts. */
  files: Record<string, string>;
  /** What a person has to know or do besides. */
  notes: string[];
}

/** Where the code of `functions/` is put when it is compiled. */
const BUILD = "build";
/** Keys of a Pages project's file that say no more of it than of a Worker. */
const KEPT = [
  "$schema",
  "send_metrics",
  "no_bundle",
  "minify",
  "upload_source_maps",
  "define",
  "alias",
  "rules",
  "dev",
];

export function toWorker(project: MovedProject, files: ProjectFiles): MovedToWorker {
  const hasCode = files.worker !== undefined || project.usesFunctions;
  const compiled = hasCode && files.worker === undefined;
  const production = wordsOf(project, project.production);
  const preview = wordsOf(project, project.preview);
  const ours = productionOf(project.name, files, { ...production.config, ...settingsOf(project.production) });
  const said = previewOf(project.name, files);
  const previewConfig = { ...preview.config, ...said, ...(!said && differing(project)) };
  const ownConfig = {
    ...Object.fromEntries(KEPT.filter((key) => key in files.before).map((key) => [key, files.before[key]])),
    name: project.name,
    ...(hasCode && { main: compiled ? `${BUILD}/index.js` : `${files.directory}/${files.worker}` }),
    ...ours,
    ...(compiled && { build: { command: buildCommand(ours, files), watch_dir: "functions" } }),
    workers_dev: true,
    preview_urls: true,
    ...routesOf(project),
    assets: {
      directory: files.directory,
      ...(hasCode && {
        binding: "ASSETS",
        run_worker_first: workerFirst(project.routes ?? { include: ["/*"], exclude: [] }),
      }),
      not_found_handling: files.notFoundPages.includes("404.html") ? "404-page" : "single-page-application",
    },
    ...(project.crons.length > 0 && { triggers: { crons: project.crons } }),
    ...project.settings,
    ...withConsumers(ours, project.consumers),
    ...migrations(project, ownClassesOf(ours)),
  };
  const hasPreview = Object.keys(previewConfig).length > 0;
  const config = inOrderOf(files.before, {
    ...ownConfig,
    ...(hasPreview && { env: { preview: { ...previewConfig, ...previewOwn(project, ownClassesOf(previewConfig)) } } }),
  });
  const ignored = [
    ...(files.worker === undefined ? [] : ["_worker.js"]),
    ...(files.hasRoutesFile ? ["_routes.json"] : []),
  ].filter((name) => !files.ignored.split(/\r?\n/).includes(name));
  return {
    config,
    files: {
      ...(ignored.length > 0 && { ".assetsignore": `${withEnd(files.ignored)}${ignored.join("\n")}\n` }),
      _headers: withDefaultHeaders(files.headers),
    },
    notes: [
      ...Object.keys(files.before)
        .filter((key) => key !== "pages_build_output_dir" && key !== "env" && !(key in config))
        .map(
          (key) => `"${key}" is taken from the file: the Worker has no use for it, or the project does not have it.`,
        ),
      ...developmentOnly(files, production.config).map(
        (name) => `The binding ${name} of the file is for development alone, and is left out.`,
      ),
      ...notesOf(project, files, { production, preview, hasPreview, compiled }),
    ],
  };
}

function settingsOf({ compatibility_date, compatibility_flags, limits, placement }: ShownEnvironment) {
  return {
    compatibility_date: compatibility_date ?? new Date().toISOString().slice(0, 10),
    ...(compatibility_flags && compatibility_flags.length > 0 && { compatibility_flags }),
    ...(limits && { limits }),
    ...(placement && { placement }),
  };
}

/** Settings of previews that are not production's: an environment of the file has the top level's otherwise. */
function differing({ production, preview }: MovedProject): Record<string, unknown> {
  // Where a file holds, it holds for both.
  if (production.wrangler_config_hash) return {};
  const ours: Record<string, unknown> = settingsOf(production);
  return Object.fromEntries(
    Object.entries(settingsOf(preview)).filter(([key, value]) => JSON.stringify(ours[key]) !== JSON.stringify(value)),
  );
}

/** The client reads no settings from a Worker's file here. */
function buildCommand(
  { compatibility_date, compatibility_flags }: Record<string, unknown>,
  { directory }: ProjectFiles,
): string {
  const flags = ((compatibility_flags ?? []) as string[]).map((flag) => ` --compatibility-flag=${flag}`).join("");
  return `npx wrangler pages functions build --outdir=${BUILD} --build-output-directory=${directory} --sourcemap --compatibility-date=${String(compatibility_date)}${flags}`;
}

function routesOf({ domains }: MovedProject) {
  const own = domains.filter(({ zoned, branch }) => zoned && branch === undefined);
  return own.length > 0 && { routes: own.map(({ name }) => ({ pattern: name, custom_domain: true })) };
}

function withConsumers(config: Record<string, unknown>, consumers: MovedProject["consumers"]): Record<string, unknown> {
  return consumers.length === 0
    ? config
    : { ...config, queues: { ...(config.queues as object | undefined), consumers } };
}

/** Classes that the project has move with their objects and data; others are new. */
function migrations({ name, classes }: MovedProject, bound: string[]) {
  const script = scriptOfProject(name);
  const there = classes.filter((one) => one.script === script).map(({ className }) => className);
  const missing = [...new Set(bound)].filter((className) => !there.includes(className));
  if (there.length + missing.length === 0) return {};
  const transferred = there.map((className) => ({ from: className, from_script: script, to: className }));
  return {
    migrations: [
      {
        tag: "from-pages",
        ...(transferred.length > 0 && { transferred_classes: transferred }),
        ...(missing.length > 0 && { new_sqlite_classes: missing }),
      },
    ],
  };
}

/** What the Worker of previews must not have of production's: it owns other objects, and no clock wakes it. */
function previewOwn(project: MovedProject, bound: string[]): Record<string, unknown> {
  const classes = [...new Set(bound)];
  const hasMigrations = "migrations" in migrations(project, []) || classes.length > 0;
  return {
    ...(project.domains.length > 0 && { routes: [] }),
    ...(project.crons.length > 0 && { triggers: { crons: [] } }),
    ...(hasMigrations && { migrations: classes.length > 0 ? [{ tag: "previews", new_sqlite_classes: classes }] : [] }),
  };
}

/** Keys that were there stay where they were, so that the difference is small. */
function inOrderOf(before: Record<string, unknown>, after: Record<string, unknown>): Record<string, unknown> {
  const old = Object.keys(before).filter((key) => key in after);
  return Object.fromEntries([...new Set([...old, ...Object.keys(after)])].map((key) => [key, after[key]]));
}

function withEnd(text: string): string {
  return text === "" || text.endsWith("\n") ? text : `${text}\n`;
}
