/** What is in the directory of a project that becomes a Worker. */
import { existsSync, globSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { ProjectFiles } from "../../pages/to-worker/project.ts";
import { CommandError } from "../command.ts";

/** Throws {@link CommandError} when there is no such directory to deploy. */
export function filesOf(root: string, directory: string, before: Record<string, unknown>): ProjectFiles {
  const deployed = join(root, directory);
  if (!existsSync(deployed))
    throw new CommandError(
      `There is no ${deployed}, which the project deploys. Build it first, or say with --assets which directory it is.`,
    );
  return {
    directory: directory.replace(/^\.\//, "").replace(/\/+$/, ""),
    worker: workerOf(deployed),
    hasFunctions: existsSync(join(root, "functions")),
    notFoundPages: globSync("**/404.html", { cwd: deployed }).sort(),
    hasRoutesFile: existsSync(join(deployed, "_routes.json")),
    headers: textOf(join(deployed, "_headers")),
    ignored: textOf(join(deployed, ".assetsignore")),
    before,
  };
}

/** Advanced mode is a file, or a directory with an `index.js`. */
function workerOf(deployed: string): string | undefined {
  const stats = statSync(join(deployed, "_worker.js"), { throwIfNoEntry: false });
  if (!stats) return undefined;
  return stats.isDirectory() ? "_worker.js/index.js" : "_worker.js";
}

/** Empty when there is no such file. */
export function textOf(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}
