import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { scriptOfProject } from "../pages/names.ts";
import { ApiRefusal } from "./api-client.ts";
import {
  type Command,
  CommandError,
  configOptionsHelp,
  type Io,
  parseWithConfig,
  UsageError,
  withPlatformHere,
} from "./command.ts";
import { type DeployedCode, download, readModules, sameCode, strangers, upload, writeModules } from "./edit/modules.ts";
import { runInTerminal } from "./terminal.ts";
import { readWranglerEnv, type WranglerEnv } from "./wrangler-env.ts";

export const edit: Command = {
  usage: "edit WORKER | --pages PROJECT [--message TEXT] [options]",
  summary: "Opens deployed code in your editor, and deploys what you save.",
  details: `Opens the modules of the Worker, or of what the Pages project's production serves, in $VISUAL or $EDITOR
(else vi); several of them in one call, the entry first. What is saved when the editor ends is deployed.
Bindings, variables, secrets, files and settings stay as they are deployed: what was changed in a Pages project
since then comes with its next deployment. Nothing is deployed when nothing changed, when the editor fails, or when somebody else deployed
meanwhile. What the runtime refuses is opened again, with the reason in its first lines. What is edited is the
code as it is deployed: bundled, not its sources.

  --pages PROJECT  a Pages project
  --message TEXT   kept with the version
${configOptionsHelp}`,
  async run(args, io) {
    const options = { pages: { type: "string" }, message: { type: "string" } } as const;
    const here = { ...io, env: withPlatformHere(io.env) };
    const { config, values, positionals } = parseWithConfig(args, options, here, true);
    const names = values.pages === undefined ? positionals : [scriptOfProject(values.pages), ...positionals];
    const [script, ...rest] = names;
    if (!script) throw new UsageError("Say whose code: a Worker, or --pages and a project.");
    if (rest.length > 0) throw new UsageError("Say one of them: a Worker, or --pages and a project.");
    const env = readWranglerEnv(config);
    const code = await download(env, script);
    const directory = mkdtempSync(join(tmpdir(), "freehold-edit-"));
    const session: Session = { env, script, directory, paths: writeModules(directory, code), message: values.message };
    let keep = false;
    try {
      return await editUntilDeployed(session, code, io);
    } catch (error) {
      // What a person wrote is not thrown away, unless nothing was written.
      keep = error instanceof CommandError && !sameCode(code, saved(session, code));
      if (keep) io.err(`Your edit is in ${directory}`);
      throw error;
    } finally {
      if (!keep) rmSync(directory, { recursive: true, force: true });
    }
  },
};

interface Session {
  env: WranglerEnv;
  script: string;
  directory: string;
  /** Files to open, the entry first. */
  paths: string[];
  message: string | undefined;
}

async function editUntilDeployed(session: Session, code: DeployedCode, io: Io): Promise<number> {
  const { env, script, directory } = session;
  for (let refused: DeployedCode | undefined; ; ) {
    await openEditor(session, io);
    const now = saved(session, code);
    if (sameCode(now, code)) {
      io.out("Nothing changed, so nothing is deployed.");
      return 0;
    }
    if (refused && sameCode(now, refused))
      throw new CommandError("Not deployed: the code is still the one that was refused.");
    for (const path of strangers(directory, code)) io.err(`${path} is none of the modules, so it is not deployed.`);
    try {
      const id = await upload(env, script, now, session.message);
      io.out(`Deployed ${script}: version ${id}`);
      return 0;
    } catch (error) {
      const mendable =
        error instanceof ApiRefusal && error.status < 500 && ![401, 403, 404, 412, 429].includes(error.status);
      if (!mendable) throw error;
      io.err(error.message);
      refused = now;
      explain(session, error.message);
    }
  }
}

/**
 * Git's way: the variable may hold arguments too, so a shell reads it. Modules may be called anything: `./` keeps an editor from
 * taking a name for an option, or for a command (vi's `+`).
 */
async function openEditor({ directory, paths }: Session, { env }: Io): Promise<void> {
  const editor = env.VISUAL || env.EDITOR || "vi";
  const code = await runInTerminal("sh", ["-c", `${editor} "$@"`, editor, ...paths.map((path) => `./${path}`)], {
    cwd: directory,
    env,
  }).catch((error: Error) => {
    throw new CommandError(`The editor "${editor}" does not start: ${error.message}.`);
  });
  if (code === 127) throw new CommandError(`There is no editor "${editor}". Set EDITOR to one that is installed.`);
  if (code !== 0) throw new CommandError(`The editor ended with ${code}, so nothing is deployed.`);
}

const mark = (path: string) => `${path.endsWith(".py") ? "#" : "//"} freehold: `;

/** Puts the reason of a refusal on top of the entry. */
function explain({ directory, paths: [entry = ""] }: Session, message: string): void {
  const path = join(directory, entry);
  const lines = message.split("\n").map((line) => mark(entry) + line);
  writeFileSync(path, `${[...lines, unexplained(entry, readFileSync(path, "utf8"))].join("\n")}`);
}

function unexplained(entry: string, text: string): string {
  const lines = text.split("\n");
  const first = lines.findIndex((line) => !line.startsWith(mark(entry)));
  return lines.slice(first === -1 ? lines.length : first).join("\n");
}

/** The code as it was saved, without what {@link explain} put there. */
function saved({ directory, paths: [entry = ""] }: Session, code: DeployedCode): DeployedCode {
  const now = readModules(directory, code);
  const modules = now.modules.map((one) => {
    const isEntry = one.name === code.entry && one.bytes.toString().startsWith(mark(entry));
    return isEntry ? { ...one, bytes: Buffer.from(unexplained(entry, one.bytes.toString())) } : one;
  });
  return { ...now, modules };
}
