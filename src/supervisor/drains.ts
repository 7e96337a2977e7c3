import { connect } from "node:net";

/**
 * Has a home's gate refuse new calls, and waits until those in flight are done. False: it did not say so in time,
 * or could not be asked.
 */
export function drainGate(socket: string, timeoutMs: number): Promise<boolean> {
  return drain(socket, timeoutMs);
}

/** Waits until a runner has delivered its reports of invocations. False as above. */
export function drainReports(socket: string, timeoutMs: number): Promise<boolean> {
  return drain(socket, timeoutMs);
}

const REQUEST = "POST /drain HTTP/1.1\r\nHost: drain\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

function drain(socket: string, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket);
    const finish = (drained: boolean) => {
      clearTimeout(timer);
      connection.destroy();
      resolve(drained);
    };
    const timer = setTimeout(finish, timeoutMs, false);
    connection.setEncoding("latin1");
    connection.once("connect", () => connection.write(REQUEST));
    // The status line comes whole: it is the first thing in the first packet of a local socket.
    connection.once("data", (text: string) => finish(text.startsWith("HTTP/1.1 2")));
    connection.once("close", () => finish(false));
    connection.on("error", () => {});
  });
}
