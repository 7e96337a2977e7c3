/** A SQLite host as a process, without services and without a sandbox. For tests and benches only. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { programPath } from "../hosts/program.ts";
import { databaseHostProgram } from "./host-program.ts";
import { encodeRequest, type HostReply, ReplyReader, requestKind } from "./host-protocol.ts";
import type { D1Failure, D1Operations, D1Rows, D1Statement } from "./operations.ts";

const DAY_MS = 86_400_000;

/** What a failed operation throws. */
export class OperationFailure extends Error {
  readonly code: string;

  constructor({ code, message }: D1Failure) {
    super(message);
    this.code = code;
  }
}

export interface TestHost {
  /** Where the databases are. */
  directory: string;
  pid: number;
  /** Makes a database's directory. */
  create(): string;
  /** Rejects with {@link OperationFailure}, or with another error when the host ends before it answers. */
  call<Name extends keyof D1Operations>(
    databaseId: string,
    operation: Name,
    request: D1Operations[Name]["request"],
  ): Promise<D1Operations[Name]["reply"]>;
  run(databaseId: string, sql: string, ...params: D1Statement["params"] & {}): Promise<D1Rows>;
  send(databaseId: string, kind: number, flags: number, payload: unknown): Promise<HostReply>;
  /** Kills the process; the files stay. */
  kill(): Promise<void>;
  /** Kills the process and removes the files. */
  close(): Promise<void>;
}

/** Starts a host; in the directory of an earlier one when given. */
export async function startTestHost(
  options: { directory?: string; retentionMs?: number; maxBytes?: number } = {},
): Promise<TestHost> {
  const { retentionMs = 30 * DAY_MS, maxBytes = 1_000_000_000 } = options;
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), "fh-d1-"));
  const sockets = mkdtempSync(join(tmpdir(), "fh-d1s-"));
  const socketPath = join(sockets, "db.sock");
  const program = programPath(databaseHostProgram);
  const child = spawn(process.execPath, [program, socketPath, directory, String(retentionMs), String(maxBytes)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  const socket = connect(socketPath);
  const client = new Client(socket);
  const kill = async () => {
    await end(child);
    rmSync(sockets, { recursive: true, force: true });
  };
  const send: TestHost["send"] = (databaseId, kind, flags, payload) =>
    client.send(databaseId, kind, flags, Buffer.from(JSON.stringify(payload)));
  const call: TestHost["call"] = async (databaseId, operation, request) => {
    const reply = await send(databaseId, requestKind.operation, 0, { operation, request });
    const content = JSON.parse(reply.payload.toString());
    if (!reply.ok) throw new OperationFailure(content as D1Failure);
    return content;
  };
  return {
    directory,
    pid: child.pid ?? 0,
    create() {
      const databaseId = randomUUID();
      mkdirSync(join(directory, databaseId));
      return databaseId;
    },
    call,
    async run(databaseId, sql, ...params) {
      const { results } = await call(databaseId, "batch", { statements: [{ sql, params }] });
      return results[0] as D1Rows;
    },
    send,
    kill,
    async close() {
      await kill();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Replies in the order of the requests. */
class Client {
  #socket: Socket;
  #waiting: PromiseWithResolvers<HostReply>[] = [];

  constructor(socket: Socket) {
    this.#socket = socket;
    const reader = new ReplyReader();
    socket.on("data", (chunk: Buffer) => reader.read(chunk, (_id, reply) => this.#waiting.shift()?.resolve(reply)));
    socket.on("error", () => {});
    socket.on("close", () => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error("the host ended"));
    });
  }

  send(databaseId: string, kind: number, flags: number, payload: Buffer): Promise<HostReply> {
    const waiting = Promise.withResolvers<HostReply>();
    if (this.#socket.destroyed) waiting.reject(new Error("the host ended"));
    else {
      this.#waiting.push(waiting);
      this.#socket.write(encodeRequest(1, { databaseId, kind, flags, payload }));
    }
    return waiting.promise;
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}
