import type { LaunchRecord, Module } from "../domain/version.ts";
import type { Embed, WorkerModule, WorkerSettings } from "./config.ts";
import { TAIL_ENTRYPOINT, takesTraces } from "./events.ts";
import { type EmbedFile, workerModule } from "./modules.ts";
import type { LaunchMode } from "./plan.ts";
import { runtimeText } from "./runtime-text.ts";

/** workerd fetches the Python runtime from the internet at start, which would make every cold start depend on it. */
export const PYTHON_UNAVAILABLE =
  "Python Workers are not available: this platform has no Pyodide bundle for the runtime.";

/** A version's code and how the runtime is to read it. */
export type WorkerCode = Pick<WorkerSettings, "compatibilityDate" | "compatibilityFlags"> &
  ({ modules: WorkerModule[] } | { serviceWorkerScript: Embed });

/** A further name for an exported class. */
export interface ExportAlias {
  exported: string;
  alias: string;
}

/** The code of a version as workerd takes it; in `inspect` behind an entry of ours that describes it. */
export function workerCode(
  record: LaunchRecord,
  mode: LaunchMode,
  embed: EmbedFile,
  aliases: ExportAlias[] = [],
): WorkerCode {
  const { compatibilityDate, compatibilityFlags } = record;
  if (record.modules.length === 0) throw new Error("this version has static assets only, and no code to run");
  const main = record.modules.find((module) => module.name === record.mainModule);
  if (!main) throw new Error(`version ${record.versionId} has no module "${record.mainModule}"`);
  if (mode === "inspect" && usesPython(record)) {
    const esModule = `throw new Error(${JSON.stringify(PYTHON_UNAVAILABLE)})`;
    return { compatibilityDate, modules: [{ name: "python.js", esModule }] };
  }
  if (record.format === "service-worker") {
    const script = mode === "serve" ? { blob: main.blob } : { base: main.blob, suffix: SERVICE_WORKER_SUFFIX };
    return { compatibilityDate, compatibilityFlags, serviceWorkerScript: embed(script) };
  }
  // The first module is the one that workerd runs.
  const uploaded = [main, ...record.modules.filter((module) => module !== main)].flatMap((module) =>
    workerModule(module, embed),
  );
  return {
    compatibilityDate,
    compatibilityFlags,
    modules: [...entryModules(record, main, mode, embed, aliases), ...uploaded],
  };
}

/** The flags make workerd fetch the bundle, whether there is a Python module or not (measured). */
function usesPython({ modules, compatibilityFlags }: LaunchRecord): boolean {
  return modules.some(({ type }) => type === "python") || compatibilityFlags.some((flag) => flag.startsWith("python_"));
}

function entryModules(
  record: LaunchRecord,
  main: Module,
  mode: LaunchMode,
  embed: EmbedFile,
  aliases: ExportAlias[],
): WorkerModule[] {
  // workerd refuses any other entry itself, with the message that people know.
  if (main.type !== "esm") return [];
  const folder = freeFolder(record.modules);
  const mainName = JSON.stringify(`../${main.name}`);
  if (mode === "inspect") {
    const entry = `import * as main from ${mainName};\nimport { inspector } from "./inspect.js";\nexport default inspector(main);\n`;
    return [
      { name: `${folder}/entry.js`, esModule: embed({ text: entry }) },
      { name: `${folder}/inspect.js`, esModule: embed({ text: runtimeText("inspect") }) },
    ];
  }
  const traces = takesTraces(record);
  if (!lacksDefault(record) && aliases.length === 0 && !traces) return [];
  const lines = [
    `export * from ${mainName};`,
    lacksDefault(record) ? "export default {};" : `export { default } from ${mainName};`,
    ...aliases.map(({ exported, alias }) => `export { ${exported} as ${alias} } from ${mainName};`),
    ...(traces ? tailLines(mainName) : []),
    "",
  ];
  return [
    { name: `${folder}/entry.js`, esModule: embed({ text: lines.join("\n") }) },
    ...(traces ? [{ name: `${folder}/tail.js`, esModule: embed({ text: runtimeText("tail-handler") }) }] : []),
  ];
}

function tailLines(mainName: string): string[] {
  return [
    `import main from ${mainName};`,
    `import { tailEntrypoint } from "./tail.js";`,
    `export const ${TAIL_ENTRYPOINT} = tailEntrypoint(main);`,
  ];
}

/**
 * Whether requests without an entrypoint find no handler. workerd then sends them on to the internet
 * (measured; the rule of 2017: no `fetch` listener, no interception); an empty default export makes it throw instead.
 */
function lacksDefault({ exports }: LaunchRecord): boolean {
  const serves = exports.some(
    ({ name, kind }) => name === "default" && (kind === "object" || kind === "worker-entrypoint"),
  );
  return exports.length > 0 && !serves;
}

/** A folder name that no uploaded module uses. */
function freeFolder(modules: Module[]): string {
  let folder = "freehold";
  while (modules.some(({ name }) => name.replace(/^(\.\/)+/, "").startsWith(`${folder}/`))) folder += "_";
  return folder;
}

/**
 * Follows a service-worker script that is inspected. The declaration is hoisted, so the script's own calls reach it;
 * standing at the end it moves no position and leaves a `"use strict"` at the start in force.
 * Answers any request with the list of event types.
 */
const SERVICE_WORKER_SUFFIX = `
;function addEventListener(type){(addEventListener.types??=[]).push(String(type))}\
Object.getPrototypeOf(globalThis).addEventListener.call(globalThis,"fetch",event=>\
event.respondWith(globalThis.Response.json({exports:[{name:"default",kind:"object",handlers:[...new globalThis.Set(addEventListener.types)]}]})))
`;
