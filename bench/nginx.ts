import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect as connectSocket, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { descendants } from "../test/harness/processes.ts";

export interface Nginx extends Disposable {
  port: number;
  /** Master and workers. */
  pids(): number[];
}

/** nginx as a reverse proxy with kept connections to a unix socket; undefined when it is not installed. */
export function startNginx(upstreamSocket: string, workers: number): Promise<Nginx | undefined> {
  // workerd closes idle connections after 15 s; nginx must do so before.
  return start(workers, (listen) => [
    `upstream worker { server unix:${upstreamSocket}; keepalive 64; keepalive_timeout 5s; }`,
    `server { ${listen}`,
    'location / { proxy_pass http://worker; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; } }',
  ]);
}

/** nginx as a server of files, set as Debian's own configuration sets it but for the log. */
export function startNginxFiles(root: string, workers: number): Promise<Nginx | undefined> {
  return start(workers, (listen) => [
    "sendfile on; tcp_nopush on; types_hash_max_size 2048; gzip on; include /etc/nginx/mime.types;",
    `server { ${listen} root ${root}; }`,
  ]);
}

async function start(workers: number, http: (listen: string) => string[]): Promise<Nginx | undefined> {
  if (spawnSync("nginx", ["-v"]).error) return undefined;
  const directory = mkdtempSync(join(tmpdir(), "fh-nginx-"));
  const port = await freePort();
  const user = process.getuid?.() === 0 ? "user root;" : "";
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${directory}/${name};`,
  );
  writeFileSync(
    join(directory, "nginx.conf"),
    `${user} daemon off; worker_processes ${workers}; pid ${directory}/nginx.pid; error_log ${directory}/error.log;
events { worker_connections 512; }
http {
  access_log off; ${temporary.join(" ")}
  keepalive_requests 10000000;
  ${http(`listen 127.0.0.1:${port} reuseport;`).join("\n  ")}
}\n`,
  );
  const child = spawn(
    "nginx",
    ["-p", directory, "-c", join(directory, "nginx.conf"), "-e", join(directory, "error.log")],
    {
      stdio: "ignore",
    },
  );
  await accepting(port);
  return {
    port,
    pids: () => [child.pid ?? 0, ...descendants(child.pid ?? 0).map((process) => process.pid)],
    [Symbol.dispose]() {
      child.kill("SIGTERM");
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

export async function accepting(port: number): Promise<void> {
  const deadline = Date.now() + 5_000;
  for (;;) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connectSocket(port, "127.0.0.1");
      socket.once("connect", () => {
        socket.destroy();
        resolve(true);
      });
      socket.once("error", () => resolve(false));
    });
    if (open) return;
    if (Date.now() > deadline) throw new Error(`nothing accepts connections on port ${port}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
