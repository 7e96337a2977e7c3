import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { hasBubblewrap } from "./platform.ts";
import { Child } from "./processes.ts";

/**
 * Programs that look names up as the machine does, in a machine that knows some more names: on many, `*.localhost` is known to
 * browsers only. The file of names is put over the machine's for this program alone.
 */
export function spawnWithNames(
  directory: string,
  names: string[],
  command: [string, ...string[]],
  env: Record<string, string>,
): Child {
  const hosts = join(directory, "hosts");
  writeFileSync(hosts, ["localhost", ...names].map((name) => `127.0.0.1 ${name}\n`).join(""));
  // Ends with the test, too: a development server has children of its own.
  const own = [
    "--dev-bind",
    "/",
    "/",
    "--ro-bind",
    hosts,
    "/etc/hosts",
    "--unshare-pid",
    "--proc",
    "/proc",
    "--die-with-parent",
  ];
  return new Child("bwrap", [...own, ...command], { cwd: directory, env });
}

/** Why the https port cannot be had here; undefined: it can. */
export async function httpsPortMissing(): Promise<string | undefined> {
  if (!hasBubblewrap()) return "bubblewrap is not installed";
  const server = createServer();
  const error = await new Promise<Error | undefined>((resolve) => {
    server.once("error", resolve);
    server.listen({ host: "127.0.0.1", port: 443, exclusive: true }, () => resolve(undefined));
  });
  await new Promise((resolve) => server.close(resolve));
  return error && `port 443 cannot be had: ${error.message}`;
}
