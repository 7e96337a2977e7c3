/** A real PostgreSQL for tests, when the machine has one, and as little of a client as its tests need. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, existsSync, globSync, mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { SqlClient, SqlValue } from "./postgres-rows.ts";

const START_TIMEOUT_MS = 30_000;
const BYTEA = 17;
const INTEGERS: ReadonlySet<number> = new Set([20, 21, 23]);

/** Directory of PostgreSQL's programs: that of the newest Debian package. */
function programs(): string | undefined {
  const [newest] = globSync("/usr/lib/postgresql/*/bin/postgres").sort().reverse();
  return newest && dirname(newest);
}

/** The user that the server runs as: it refuses to be root. */
function serverUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  try {
    const id = (flag: string) => Number(execFileSync("id", [flag, "postgres"], { stdio: "pipe" }).toString());
    return { uid: id("-u"), gid: id("-g") };
  } catch {
    return undefined;
  }
}

/** Why no server can be started here; undefined: one can. */
export function postgresMissing(): string | undefined {
  if (!programs()) return "PostgreSQL is not installed (Debian: apt-get install postgresql)";
  if (!serverUser()) return "tests run as root, and there is no user postgres to run a server as";
  return undefined;
}

export class TestPostgres {
  readonly #directory: string;
  readonly #server: ChildProcess;

  private constructor(directory: string, server: ChildProcess) {
    this.#directory = directory;
    this.#server = server;
  }

  /** Starts a server with an empty cluster, reachable by a unix socket only. */
  static async start(): Promise<TestPostgres> {
    const [bin, user] = [programs(), serverUser()];
    if (!bin || !user) throw new Error(postgresMissing());
    const directory = mkdtempSync(join(tmpdir(), "fh-pg-"));
    chmodSync(directory, 0o700);
    chownSync(directory, user.uid, user.gid);
    const as = { ...user, cwd: directory, env: { PATH: process.env.PATH, LC_ALL: "C" } };
    const data = join(directory, "data");
    execFileSync(join(bin, "initdb"), ["-D", data, "-U", "test", "-A", "trust", "-E", "UTF8", "--no-sync"], {
      ...as,
      stdio: "pipe",
    });
    const server = spawn(join(bin, "postgres"), ["-D", data, "-k", directory, "-c", "listen_addresses="], {
      ...as,
      stdio: "ignore",
    });
    const started = new TestPostgres(directory, server);
    const deadline = Date.now() + START_TIMEOUT_MS;
    for (;;) {
      try {
        (await started.connect()).close();
        return started;
      } catch (error) {
        if (Date.now() > deadline || server.exitCode !== null) {
          await started.stop();
          throw error;
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  connect(): Promise<TestClient> {
    return TestClient.connect(join(this.#directory, ".s.PGSQL.5432"));
  }

  async stop(): Promise<void> {
    if (this.#server.exitCode === null) {
      const ended = once(this.#server, "exit");
      // Fast shutdown.
      this.#server.kill("SIGINT");
      await ended;
    }
    if (existsSync(this.#directory)) rmSync(this.#directory, { recursive: true, force: true });
  }
}

interface Query {
  types: number[];
  rows: unknown[][];
  error: Error | undefined;
  resolve(rows: unknown[][]): void;
  reject(error: Error): void;
}

/** The extended query protocol with text both ways (PostgreSQL manual, "Frontend/Backend Protocol"). */
export class TestClient implements SqlClient {
  readonly #socket: Socket;
  #input: Buffer = Buffer.alloc(0);
  #queries: Query[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("close", () => {
      for (const query of this.#queries.splice(0)) query.reject(new Error("the connection was closed"));
    });
    socket.on("error", () => {});
  }

  static async connect(path: string): Promise<TestClient> {
    const socket = connect(path);
    await once(socket, "connect");
    const client = new TestClient(socket);
    const ready = client.#expect();
    const body = Buffer.concat([int32(196_608), Buffer.from("user\0test\0database\0postgres\0\0")]);
    socket.write(Buffer.concat([int32(body.length + 4), body]));
    await ready;
    return client;
  }

  query(sql: string, values: readonly SqlValue[]): Promise<unknown[][]> {
    const encoded = values.map((value) => {
      const text = encode(value);
      return text === null ? int32(-1) : Buffer.concat([int32(Buffer.byteLength(text)), Buffer.from(text)]);
    });
    this.#socket.write(
      Buffer.concat([
        message("P", Buffer.from(`\0${sql}\0`), int16(0)),
        message("B", Buffer.from("\0\0"), int16(0), int16(values.length), ...encoded, int16(0)),
        message("D", Buffer.from("P\0")),
        message("E", Buffer.from("\0"), int32(0)),
        message("S"),
      ]),
    );
    return this.#expect();
  }

  close(): void {
    this.#socket.end(message("X"));
  }

  #expect(): Promise<unknown[][]> {
    return new Promise((resolve, reject) => {
      this.#queries.push({ types: [], rows: [], error: undefined, resolve, reject });
    });
  }

  #read(chunk: Buffer): void {
    this.#input = Buffer.concat([this.#input, chunk]);
    while (this.#input.length >= 5) {
      const end = 1 + this.#input.readInt32BE(1);
      if (this.#input.length < end) return;
      this.#take(String.fromCharCode(this.#input[0] as number), this.#input.subarray(5, end));
      this.#input = this.#input.subarray(end);
    }
  }

  #take(type: string, body: Buffer): void {
    const [query] = this.#queries;
    if (!query) return;
    if (type === "T") query.types = columnTypes(body);
    else if (type === "D") query.rows.push(decodeRow(body, query.types));
    else if (type === "E") query.error = new Error(/\0M([^\0]*)/.exec(body.toString())?.[1] ?? "unknown");
    else if (type === "Z") {
      this.#queries.shift();
      if (query.error) query.reject(query.error);
      else query.resolve(query.rows);
    }
  }
}

function columnTypes(body: Buffer): number[] {
  const types: number[] = [];
  for (let at = 2, left = body.readInt16BE(0); left > 0; left--) {
    at = body.indexOf(0, at) + 1;
    types.push(body.readInt32BE(at + 6));
    at += 18;
  }
  return types;
}

function decodeRow(body: Buffer, types: number[]): unknown[] {
  let at = 2;
  return types.map((type) => {
    const length = body.readInt32BE(at);
    at += 4;
    if (length < 0) return null;
    const text = body.toString("utf8", at, at + length);
    at += length;
    if (type === BYTEA) return Buffer.from(text.slice(2), "hex");
    return INTEGERS.has(type) ? Number(text) : text;
  });
}

function encode(value: SqlValue): string | null {
  if (value === null || typeof value === "string") return value;
  if (typeof value === "number") return String(value);
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString("hex")}`;
  const items = value.map((item) => {
    const text = encode(item);
    return text === null ? "NULL" : `"${text.replace(/["\\]/g, "\\$&")}"`;
  });
  return `{${items.join(",")}}`;
}

function message(type: string, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}
