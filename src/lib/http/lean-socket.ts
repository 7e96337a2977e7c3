import { Socket, type SocketConstructorOpts } from "node:net";

/** Bytes of one read; Node's own size. */
const READ_BYTES = 64 * 1024;

const shared = Buffer.allocUnsafeSlow(READ_BYTES);

/** What of a socket Node does not document; the version of Node is pinned. */
interface Internals {
  _handle: object | null;
  _server: object | null | undefined;
}

/**
 * The same connection as a socket that reads into one buffer of the process and hands out copies of what came. Node by itself
 * allocates 64 KB for each read, which costs a short request a quarter of its CPU (measured: 6.6 µs against 5.0 µs).
 * `accepted` must have been made with `pauseOnConnect`, and is of no use afterwards. Where Node's inner parts are
 * not as expected, it is returned as it is.
 */
export function leanSocket(accepted: Socket): Socket {
  const inner = accepted as unknown as Internals;
  const handle = inner._handle;
  if (handle === null || typeof handle !== "object" || !("useUserBuffer" in handle)) {
    accepted.resume();
    return accepted;
  }
  const options = {
    handle,
    allowHalfOpen: true,
    onread: {
      buffer: shared,
      callback(length: number): boolean {
        // Short ones come from Node's pool of small buffers.
        lean.emit("data", Buffer.from(shared.subarray(0, length)));
        return true;
      },
    },
  };
  const lean: Socket = new Socket(options as unknown as SocketConstructorOpts);
  // The server counts its connections by this.
  (lean as unknown as Internals)._server = inner._server;
  inner._server = null;
  inner._handle = null;
  return lean;
}
