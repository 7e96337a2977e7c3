// @ts-check
/**
 * The side of a host in what it and services say to each other (`d1/host-protocol.ts`): frames over a unix socket, one
 * request after the other.
 */
import { createServer } from "node:net";

const HEAD_BYTES = 46;
const REPLY_HEAD_BYTES = 10;

/** @typedef {{ id: number, kind: number, flags: number, databaseId: string, payload: Buffer }} Request */

/**
 * Listens at the socket, says so on standard output, and ends with whoever started this process: their end of standard input
 * closes. (bubblewrap, killed while it still starts us, takes nobody along.)
 * @param {string} path
 * @param {{ request(request: Request, socket: import("node:net").Socket): void, read?(): void, ending?(): void }} events
 *   `read` is called once all requests of a packet have been.
 */
export function serve(path, { request, read, ending }) {
  const server = createServer((socket) => {
    /** @type {Buffer[]} */
    let parts = [];
    let length = 0;
    /** Bytes that must be there before there is something to do. */
    let needed = 4;
    socket.on("data", (/** @type {Buffer} */ chunk) => {
      parts.push(chunk);
      length += chunk.length;
      if (length < needed) return;
      let input = parts.length === 1 ? chunk : Buffer.concat(parts, length);
      needed = 4;
      while (input.length >= needed) {
        needed = 4 + input.readUInt32LE(0);
        if (input.length < needed) break;
        request(requestOf(input.subarray(0, needed)), socket);
        input = input.subarray(needed);
        needed = 4;
      }
      parts = input.length === 0 ? [] : [input];
      length = input.length;
      read?.();
    });
    socket.on("error", () => socket.destroy());
  });
  process.stdin.on("close", () => {
    ending?.();
    process.exit(0);
  });
  process.stdin.resume();
  server.listen(path, () => process.stdout.write("listening\n"));
}

/**
 * @param {Buffer} bytes
 * @returns {Request}
 */
function requestOf(bytes) {
  return {
    id: bytes.readUInt32LE(4),
    kind: bytes[8] ?? 0,
    flags: bytes[9] ?? 0,
    databaseId: bytes.toString("latin1", 10, HEAD_BYTES).trimEnd(),
    payload: bytes.subarray(HEAD_BYTES),
  };
}

/**
 * @param {number} id
 * @param {number} status 0: success, 1: a failure as JSON.
 * @param {string} bookmark
 * @param {string | Buffer} content
 */
export function frame(id, status, bookmark, content) {
  const length = typeof content === "string" ? Buffer.byteLength(content) : content.length;
  const bytes = Buffer.allocUnsafe(REPLY_HEAD_BYTES + bookmark.length + length);
  bytes.writeUInt32LE(bytes.length - 4, 0);
  bytes.writeUInt32LE(id, 4);
  bytes[8] = status;
  bytes[9] = bookmark.length;
  bytes.write(bookmark, REPLY_HEAD_BYTES, "latin1");
  if (typeof content === "string") bytes.write(content, REPLY_HEAD_BYTES + bookmark.length);
  else content.copy(bytes, REPLY_HEAD_BYTES + bookmark.length);
  return bytes;
}

/**
 * Writes a reply. Undefined when it has left us; else a promise of that, or of the end of the connection.
 * @param {import("node:net").Socket} socket
 * @param {Buffer} reply
 * @returns {Promise<void> | undefined}
 */
export function send(socket, reply) {
  if (socket.write(reply) && socket.writableLength === 0) return undefined;
  return new Promise((resolve) => {
    socket.once("drain", () => resolve());
    socket.once("close", () => resolve());
  });
}
