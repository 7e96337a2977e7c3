import { connect } from "node:net";

const REQUEST = "GET / HTTP/1.1\r\nHost: health\r\nConnection: close\r\n\r\n";

/**
 * Asks a runner for a sign of life: its event loop answers only when no JavaScript occupies it.
 * `done` is called once, with true for an answer and false when the connection ended without one; never after `cancel`.
 */
export function probeHealth(socket: string, done: (answered: boolean) => void): { cancel(): void } {
  const connection = connect(socket);
  let open = true;
  const finish = (answered: boolean) => {
    if (!open) return;
    open = false;
    connection.destroy();
    done(answered);
  };
  connection.once("connect", () => connection.write(REQUEST));
  connection.once("data", () => finish(true));
  connection.once("close", () => finish(false));
  connection.on("error", () => {});
  return {
    cancel() {
      open = false;
      connection.destroy();
    },
  };
}
