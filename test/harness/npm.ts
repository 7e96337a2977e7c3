import { execFileSync } from "node:child_process";
import { homedir } from "node:os";
import { delimiter } from "node:path";
import { Child } from "./processes.ts";

/** What a newcomer's terminal has: no tool of this repository, not its pinned Node either. */
export const machineEnv: Record<string, string> = {
  PATH: (process.env.PATH ?? "")
    .split(delimiter)
    .filter((entry) => !entry.includes("node_modules"))
    .join(delimiter),
  HOME: homedir(),
  ...npmSettings(),
};

/** Why npm cannot install packages here; undefined when it can. Asks the registry about one package. */
export function registryObstacle(directory: string): string | undefined {
  const options = { env: machineEnv, stdio: "pipe", timeout: 20_000, cwd: directory } as const;
  try {
    execFileSync("npm", ["--version"], options);
  } catch {
    return "there is no npm outside this repository";
  }
  try {
    execFileSync("npm", ["view", "workerd", "version", "--fetch-retries=0", "--fetch-timeout=8000"], options);
  } catch {
    return "npm does not reach its registry";
  }
  return undefined;
}

/** Runs a command to its end. Throws with all it printed unless it ends with 0 in time. */
export async function run(
  command: string,
  args: string[],
  directory: string,
  env: Record<string, string>,
  timeoutMs: number,
): Promise<void> {
  const child = new Child(command, args, { cwd: directory, env: { ...machineEnv, ...env } });
  const { code, signal, output } = await child.end(timeoutMs);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code ?? signal}:\n${output}`);
}

/** How npm reaches its registry on this machine (proxy, authority, mirror). */
function npmSettings(): Record<string, string> {
  const wanted =
    /^(https?_proxy|no_proxy|node_extra_ca_certs|ssl_cert_(file|dir)|npm_config_(registry|cafile|userconfig))$/i;
  return Object.fromEntries(
    Object.entries(process.env).filter(
      (entry): entry is [string, string] => wanted.test(entry[0]) && entry[1] !== undefined,
    ),
  );
}
