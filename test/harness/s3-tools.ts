/** `rclone` and `s3cmd`, with configurations of their own. */
import { existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Platform } from "./platform.ts";
import { Child } from "./processes.ts";
import type { AccessKey } from "./s3.ts";

const TIMEOUT_MS = 600_000;

export function isInstalled(program: string): boolean {
  return (process.env.PATH ?? "").split(":").some((directory) => existsSync(join(directory, program)));
}

/** Runs a program and returns what it printed; throws with all of it unless the program exits with 0. */
export type Tool = (...args: string[]) => Promise<string>;

/**
 * The platform stands in as the proxy, because not every resolver knows names under `localhost`: so the tools sign and send
 * exactly what they would otherwise.
 */
export function rclone(platform: Platform, key: AccessKey): Tool {
  const home = mkdtempSync(join(tmpdir(), "fh-rclone-"));
  const config = join(home, "rclone.conf");
  writeFileSync(
    config,
    `[freehold]
type = s3
provider = Cloudflare
access_key_id = ${key.access_key_id}
secret_access_key = ${key.secret_access_key}
region = auto
endpoint = http://s3.localhost:${platform.port}
acl = private
`,
  );
  return runner("rclone", ["--config", config], { HOME: home, http_proxy: `http://127.0.0.1:${platform.port}` });
}

export function s3cmd(platform: Platform, key: AccessKey): Tool {
  const home = mkdtempSync(join(tmpdir(), "fh-s3cmd-"));
  const config = join(home, "s3cfg");
  writeFileSync(
    config,
    `[default]
access_key = ${key.access_key_id}
secret_key = ${key.secret_access_key}
host_base = s3.localhost:${platform.port}
host_bucket = %(bucket)s.s3.localhost:${platform.port}
bucket_location = auto
use_https = False
proxy_host = 127.0.0.1
proxy_port = ${platform.port}
`,
  );
  return runner("s3cmd", ["--config", config, "--no-progress"], { HOME: home });
}

function runner(program: string, first: string[], env: Record<string, string>): Tool {
  return async (...args) => {
    const child = new Child(program, [...first, ...args], {
      cwd: env.HOME ?? tmpdir(),
      env: { PATH: process.env.PATH ?? "", LC_ALL: "C.UTF-8", ...env },
    });
    const { code, output } = await child.end(TIMEOUT_MS);
    if (code !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${code}:\n${output}`);
    return output;
  };
}
