import { existsSync } from "node:fs";
import { join } from "node:path";
import { configFile } from "./wrangler-config.ts";

/** Commands that make a version of what the configuration says. */
const COMMANDS = ["deploy", "dev", "versions"];

/** Tells who has a `functions/` beside a Worker of static assets alone that nothing compiles it; undefined: all is well. */
export function functionsNote(directory: string, args: string[]): string | undefined {
  const command = args[0] ?? "";
  const namesOther = args.some((arg) => /^(-c|--config|--cwd|--script)(=|$)/.test(arg) || /\.[cm]?[jt]sx?$/.test(arg));
  if (!COMMANDS.includes(command) || namesOther || !existsSync(join(directory, "functions"))) return undefined;
  const file = readable(directory);
  if (!file) return undefined;
  const { name, values } = file;
  if (values.assets === undefined || values.main !== undefined) return undefined;
  return (
    `functions/ is not part of this Worker, which has static assets alone. To compile it before each deploy, add to ${name}:\n` +
    '  "main": "build/index.js",\n' +
    '  "build": { "command": "npx wrangler pages functions build --outdir=build", "watch_dir": "functions" }\n' +
    'and "binding": "ASSETS" to "assets".'
  );
}

/** A file that cannot be read is wrangler's to refuse. */
function readable(directory: string) {
  try {
    return configFile(directory);
  } catch {
    return undefined;
  }
}
