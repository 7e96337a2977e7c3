/**
 * The process of {@link ResidentClient}: `resident-wrangler.ts <cli.js of the client>`. It loads the client as its package has it, and
 * then runs one command for each line `{"directory", "args"}` of descriptor 3, as the client's own last lines would. After a
 * command, both outputs get {@link endOf} it.
 */
import { createReadStream } from "node:fs";
import { createRequire, Module } from "node:module";
import { createInterface } from "node:readline";

export interface Command {
  directory: string;
  args: string[];
}

/** What stands in the outputs after a command. */
export const endOf = (code: number) => `\0ended with ${code}\0`;

interface Client {
  main(args: string[]): Promise<void>;
  FatalError: new () => Error & { code?: number };
}

type Compile = (this: unknown, content: string, filename: string, ...rest: unknown[]) => unknown;

/** Loads the client's file, and takes out what its last lines use and nobody is given. */
function loadClient(path: string): Client {
  const prototype = Module.prototype as unknown as { _compile: Compile };
  const compile = prototype._compile;
  prototype._compile = function (content, filename, ...rest) {
    const taken = filename === path ? "\nObject.assign(module.exports, { main, FatalError });" : "";
    return compile.call(this, content + taken, filename, ...rest);
  };
  const client = createRequire(path)(path) as Client;
  prototype._compile = compile;
  return client;
}

async function run({ main, FatalError }: Client, { directory, args }: Command, path: string): Promise<number> {
  const env = { ...process.env };
  process.chdir(directory);
  process.argv = [process.execPath, path, ...args];
  process.exitCode = undefined;
  try {
    await main(args);
    return Number(process.exitCode ?? 0);
  } catch (error) {
    // Its message is printed by then.
    return (error instanceof FatalError && error.code) || 1;
  } finally {
    process.exitCode = undefined;
    // What a command read from a project's files is for itself alone.
    for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name];
    Object.assign(process.env, env);
  }
}

if (import.meta.main) {
  const path = process.argv[2] ?? "";
  const client = loadClient(path);
  for await (const line of createInterface({ input: createReadStream("", { fd: 3 }) })) {
    const end = endOf(await run(client, JSON.parse(line) as Command, path));
    process.stdout.write(end);
    process.stderr.write(end);
  }
  process.exit(0);
}
