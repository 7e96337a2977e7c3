/** What happens to the others of an account when all its hosts are at long queries. The hosts are sockets of this process. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { requestKind } from "../products/d1/host-protocol.ts";
import { Databases } from "./databases.ts";

const STARVING_MS = 1500;
const FOREVER = "SELECT 'forever'";

let directory: string;
let databases: Databases;
let servers: Map<string, { server: Server; socket: Socket | undefined }>;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "fh-starve-"));
  servers = new Map();
  databases = new Databases({ queryMs: 30_000, starvingMs: STARVING_MS, startHost, endHost });
});

afterEach(async () => {
  vi.restoreAllMocks();
  await databases.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** Answers everything with `{}` but what holds the word "forever". */
async function startHost(hostId: string): Promise<string> {
  const path = join(directory, hostId);
  const server = createServer((socket) => {
    servers.set(hostId, { server, socket });
    let stuck = false;
    socket.on("error", () => {});
    socket.on("data", (bytes: Buffer) => {
      stuck ||= bytes.includes("forever");
      if (stuck) return;
      for (let at = 0; at < bytes.length; at += 4 + bytes.readUInt32LE(at)) {
        socket.write(Buffer.from([8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d]));
      }
    });
  });
  servers.set(hostId, { server, socket: undefined });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return path;
}

async function endHost(hostId: string): Promise<void> {
  const host = servers.get(hostId);
  servers.delete(hostId);
  host?.socket?.destroy();
  host?.server.close();
}

/** Resolves with the reply's text. */
function query(database: string, sql: string): Promise<string> {
  const payload = Buffer.from(JSON.stringify({ sql }));
  return new Promise((resolve) =>
    databases.run("account", { databaseId: database, kind: requestKind.wire, flags: 0, payload }, (reply) =>
      resolve(reply.payload.toString()),
    ),
  );
}

test("without memory for more hosts, the longest query that only reads makes room", async () => {
  vi.spyOn(process, "availableMemory").mockReturnValue(0);
  const write = query("w", "INSERT INTO t SELECT 'forever'");
  let writeEnded = false;
  void write.then(() => (writeEnded = true));
  const ended: string[] = [];
  for (const name of ["a", "b", "c"]) {
    void query(name, FOREVER).then((text) => ended.push(`${name}: ${text}`));
    // In this order.
    await vi.waitFor(() => expect(servers.size).toBe("wabc".indexOf(name) + 1), 20_000);
  }
  expect(await query("other", "SELECT 1")).toBe("{}");
  expect(ended).toEqual([expect.stringMatching(/^a: .*"timeout".*others waited/)]);
  expect(writeEnded).toBe(false);
  expect(servers.size).toBe(4);
}, 60_000);

test("while there is memory, further hosts serve the others and no query is ended", async () => {
  vi.spyOn(process, "availableMemory").mockReturnValue(8e9);
  const ended: string[] = [];
  for (const name of ["a", "b", "c", "d"]) void query(name, FOREVER).then(() => ended.push(name));
  expect(await query("other", "SELECT 1")).toBe("{}");
  expect(servers.size).toBe(5);
  expect(ended).toEqual([]);
}, 60_000);
