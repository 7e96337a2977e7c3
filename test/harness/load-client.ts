/**
 * A load client of little CPU: hand-kept HTTP/1.1 connections, one request at a time on each.
 * Runs as a process of its own so that its CPU is not counted. Settings are JSON in the first argument; the report is JSON on standard output.
 */
import { connect } from "node:net";

interface Settings {
  /** Either a port of 127.0.0.1 … */
  port?: number;
  /** … or a unix socket. */
  socket?: string;
  host: string;
  path: string;
  connections: number;
  /** Stop after this many answers … */
  requests?: number;
  /** … or after this time. */
  durationMs?: number;
  /** Pause of a connection after each answer. */
  pauseMs?: number;
  /** Report how often each body came. */
  countAnswers?: boolean;
}

const settings = JSON.parse(process.argv[2] ?? "{}") as Settings;
const request = Buffer.from(`GET ${settings.path} HTTP/1.1\r\nHost: ${settings.host}\r\n\r\n`, "latin1");
const endsAt = performance.now() + (settings.durationMs ?? 120_000);
const latenciesMs: number[] = [];
let started = 0;
/** Bodies of answers, cut to 40 characters, and how often each came. */
const answers: Record<string, number> = {};
let failures = 0;
let firstFailure = "";

function failed(what: string): void {
  failures++;
  firstFailure ||= what.slice(0, 600);
}

await Promise.all(Array.from({ length: settings.connections }, client));
process.stdout.write(
  `${JSON.stringify({ requests: latenciesMs.length, failures, firstFailure, latenciesMs, answers })}\n`,
);

function client(): Promise<void> {
  return new Promise((resolve) => {
    const socket = settings.socket ? connect(settings.socket) : connect(settings.port ?? 0, "127.0.0.1");
    socket.setNoDelay(true);
    let sentAt = 0;
    let received = "";
    const finish = () => {
      socket.destroy();
      resolve();
    };
    const send = () => {
      if (started >= (settings.requests ?? Number.POSITIVE_INFINITY) || performance.now() > endsAt) return finish();
      started++;
      sentAt = performance.now();
      socket.write(request);
    };
    socket.setEncoding("latin1");
    socket.on("connect", send);
    socket.on("data", (chunk: string) => {
      received = received === "" ? chunk : received + chunk;
      if (!isComplete(received)) return;
      if (received.startsWith("HTTP/1.1 200")) {
        latenciesMs.push(performance.now() - sentAt);
        if (settings.countAnswers) count(received);
      } else failed(received);
      received = "";
      if (settings.pauseMs) setTimeout(send, settings.pauseMs);
      else send();
    });
    socket.on("error", (error) => {
      failed(String(error));
      finish();
    });
    socket.on("close", finish);
  });
}

function count(answer: string): void {
  const start = answer.indexOf("\r\n\r\n") + 4;
  const body = answer.slice(start, start + 40);
  answers[body] = (answers[body] ?? 0) + 1;
}

/** Whether the text is one whole answer; enough for answers with a length or in chunks. */
function isComplete(text: string): boolean {
  const head = text.indexOf("\r\n\r\n");
  if (head < 0) return false;
  const length = /\r\ncontent-length: (\d+)/i.exec(text.slice(0, head + 2))?.[1];
  return length === undefined ? text.endsWith("0\r\n\r\n") : text.length >= head + 4 + Number(length);
}
