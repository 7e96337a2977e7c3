import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { accepting, freePort } from "./nginx.ts";

export interface FileServer extends Disposable {
  port: number;
  pids(): number[];
}

/** Caddy as a server of files; undefined when it is not installed. */
export async function startCaddy(root: string): Promise<FileServer | undefined> {
  if (spawnSync("caddy", ["version"]).error) return undefined;
  const directory = mkdtempSync(join(tmpdir(), "fh-caddy-"));
  const port = await freePort();
  writeFileSync(
    join(directory, "Caddyfile"),
    `{\n\tadmin off\n\tauto_https off\n}\nhttp://127.0.0.1:${port}, http://:${port} {\n\tbind 127.0.0.1\n\troot * ${root}\n\tencode zstd gzip\n\tfile_server\n}\n`,
  );
  const child = spawn("caddy", ["run", "--config", join(directory, "Caddyfile"), "--adapter", "caddyfile"], {
    stdio: "ignore",
    env: { ...process.env, HOME: directory, XDG_DATA_HOME: directory, XDG_CONFIG_HOME: directory },
  });
  await accepting(port);
  return {
    port,
    pids: () => [child.pid ?? 0],
    [Symbol.dispose]() {
      child.kill("SIGTERM");
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
