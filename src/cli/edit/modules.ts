/** A script's code as files in a directory, and back. */
import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { askPlatform, resultOf } from "../api-client.ts";
import { CommandError } from "../command.ts";
import type { WranglerEnv } from "../wrangler-env.ts";

/** Code as it is deployed. */
export interface DeployedCode {
  /** Changes with the code and the files. */
  etag: string;
  format: "modules" | "service-worker";
  /** Name of the entry among the modules. */
  entry: string;
  modules: CodeModule[];
}

export interface CodeModule {
  name: string;
  /** Content type, which says what kind of module it is. */
  type: string;
  bytes: Buffer;
}

/** What an editor can show. */
const TEXT = /^(application\/javascript|application\/json|text\/)/;

const contentPath = (env: WranglerEnv, script: string, end: string) =>
  `/accounts/${env.CLOUDFLARE_ACCOUNT_ID}/workers/scripts/${encodeURIComponent(script)}/content${end}`;

/** Throws {@link CommandError} when there is none. */
export async function download(env: WranglerEnv, script: string): Promise<DeployedCode> {
  const response = await askPlatform(env, "GET", contentPath(env, script, "/v2"));
  if (!response.ok) await resultOf(response);
  const { headers } = response;
  const etag = headers.get("etag") ?? "";
  const type = headers.get("content-type") ?? "";
  if (!type.startsWith("multipart/")) {
    const module = {
      name: "script.js",
      type: "application/javascript",
      bytes: Buffer.from(await response.arrayBuffer()),
    };
    return { etag, format: "service-worker", entry: module.name, modules: [module] };
  }
  const modules: CodeModule[] = [];
  for (const [name, part] of await response.formData()) {
    if (typeof part !== "string") modules.push({ name, type: part.type, bytes: Buffer.from(await part.arrayBuffer()) });
  }
  if (modules.length === 0) throw new CommandError(`"${script}" has no code: static assets alone are served.`);
  // Refuses names that cannot be files, before there is a directory for them.
  for (const { name } of modules) pathOf(name);
  const named = headers.get("cf-entrypoint") ?? "";
  const entry =
    modules.find(({ name }) => name === named) ?? modules.find(({ name }) => encodeURIComponent(name) === named);
  return { etag, format: "modules", entry: (entry ?? modules[0])?.name ?? "", modules };
}

/** Deploys the code; the new version's id. Throws {@link ApiRefusal}, with status 412 when other code was deployed meanwhile. */
export async function upload(env: WranglerEnv, script: string, code: DeployedCode, message?: string): Promise<string> {
  const form = new FormData();
  const key = code.format === "modules" ? "main_module" : "body_part";
  const annotations = message === undefined ? {} : { annotations: { "workers/message": message } };
  form.set("metadata", JSON.stringify({ [key]: code.entry, ...annotations }));
  for (const { name, type, bytes } of code.modules)
    form.append(name, new File([new Uint8Array(bytes)], name, { type }));
  const response = await askPlatform(env, "PUT", contentPath(env, script, ""), {
    headers: { "if-match": code.etag },
    body: form,
  });
  return ((await resultOf(response)) as { deployment_id: string }).deployment_id;
}

/** Writes the modules as files; answers those that an editor can show, the entry first. */
export function writeModules(directory: string, { modules, entry }: DeployedCode): string[] {
  for (const { name, bytes } of modules) {
    const path = join(directory, pathOf(name));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  }
  const texts = modules.filter(({ type }) => TEXT.test(type)).map(({ name }) => name);
  return [entry, ...texts.filter((name) => name !== entry)].map(pathOf);
}

/** The modules as their files are now; a module whose file is gone is gone. */
export function readModules(directory: string, code: DeployedCode): DeployedCode {
  const there = code.modules.filter(({ name }) => existsSync(join(directory, pathOf(name))));
  return { ...code, modules: there.map((one) => ({ ...one, bytes: readFileSync(join(directory, pathOf(one.name))) })) };
}

/** Files that are no module, such as new ones: nothing can be done with them. */
export function strangers(directory: string, { modules }: DeployedCode): string[] {
  const known = new Set(modules.map(({ name }) => pathOf(name)));
  const files = globSync("**/*", { cwd: directory, withFileTypes: true }).filter((one) => one.isFile());
  return files
    .map((one) => join(one.parentPath, one.name).slice(directory.length + 1))
    .filter((path) => !known.has(path));
}

export function sameCode(a: DeployedCode, b: DeployedCode): boolean {
  return (
    a.modules.length === b.modules.length &&
    a.modules.every(({ name, bytes }, index) => b.modules[index]?.name === name && b.modules[index].bytes.equals(bytes))
  );
}

/** A module's name as a path below the directory, whatever the platform says. */
function pathOf(name: string): string {
  const path = normalize(name);
  if (path.startsWith("/") || path.split("/").includes("..") || path === ".")
    throw new CommandError(`The code has a module called "${name}", which cannot be a file.`);
  return path;
}
