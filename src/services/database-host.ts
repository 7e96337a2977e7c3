import { connect, type Socket } from "node:net";
import {
  encodeRequest,
  failureReply,
  type HostReply,
  type HostRequest,
  ReplyReader,
} from "../products/d1/host-protocol.ts";
import { MAX_PIPELINED } from "./limits.ts";

/** A request on its way to some host. */
export interface DatabaseTask extends HostRequest {
  /** Longest time that the host may work on it. */
  timeoutMs: number;
  /** Hosts that ended while they worked on it. */
  losses: number;
  /** Called once. */
  done(reply: HostReply): void;
}

/** What a host tells the one who uses it. */
export interface HostEvents {
  /** The connection is gone. `begun` is the request that the host may have worked on; the others have not begun. */
  lost(host: HostConnection, begun: DatabaseTask | undefined, waiting: DatabaseTask[]): void;
}

/** A SQLite host as services uses it: sends it requests of one database at a time, and keeps the others where they can still go elsewhere. */
export class HostConnection {
  readonly id: string;
  /** Since when the host works on its current request. */
  busySinceMs = 0;
  usedAtMs = 0;
  readonly #events: HostEvents;
  readonly #reader = new ReplyReader();
  /** Sent, oldest first, all of one database. */
  #sent: DatabaseTask[] = [];
  #queue: DatabaseTask[] = [];
  #socket: Socket | undefined;
  #nextId = 1;
  #closed = false;

  constructor(id: string, events: HostEvents) {
    this.id = id;
    this.#events = events;
  }

  /** Requests that it has to answer. */
  get load(): number {
    return this.#sent.length + this.#queue.length;
  }

  get current(): DatabaseTask | undefined {
    return this.#socket ? this.#sent[0] : undefined;
  }

  /** Begins to send what has gathered. */
  open(socketPath: string): void {
    if (this.#closed) return;
    const socket = connect(socketPath);
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => this.#reader.read(chunk, this.#answered));
    socket.on("error", () => {});
    socket.once("close", () => this.close());
    this.#sendNext();
  }

  /** Gives up everything it has. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket?.destroy();
    const [begun, ...rest] = this.#socket ? this.#sent : [];
    const waiting = [...rest, ...this.#queue];
    this.#sent = [];
    this.#queue = [];
    this.#events.lost(this, begun, waiting);
  }

  run(task: DatabaseTask): void {
    const [first] = this.#sent;
    const free = first === undefined || (first.databaseId === task.databaseId && this.#sent.length < MAX_PIPELINED);
    if (this.#socket && free && this.#queue.length === 0) this.#send(task);
    else this.#queue.push(task);
  }

  /** Takes back what has not been sent and is of other databases than the one it works on. */
  takeOthers(): DatabaseTask[] {
    const databaseId = this.#sent[0]?.databaseId;
    const others = this.#queue.filter((task) => task.databaseId !== databaseId);
    if (others.length > 0) this.#queue = this.#queue.filter((task) => task.databaseId === databaseId);
    return others;
  }

  get hasOthers(): boolean {
    const databaseId = this.#sent[0]?.databaseId;
    return this.#queue.some((task) => task.databaseId !== databaseId);
  }

  #sendNext(): void {
    while (this.#queue.length > 0) {
      const [first] = this.#sent;
      const next = this.#queue[0] as DatabaseTask;
      if (first && (first.databaseId !== next.databaseId || this.#sent.length >= MAX_PIPELINED)) return;
      this.#queue.shift();
      if (next.isWanted?.() === false)
        next.done(failureReply({ code: "unavailable", message: "Nobody waits for it." }));
      else this.#send(next);
    }
  }

  #send(task: DatabaseTask): void {
    if (this.#sent.length === 0) this.busySinceMs = performance.now();
    this.#sent.push(task);
    this.#socket?.write(encodeRequest(this.#nextId++, task));
  }

  readonly #answered = (_id: number, reply: HostReply): void => {
    // In the order of the requests.
    const task = this.#sent.shift();
    this.busySinceMs = this.usedAtMs = performance.now();
    if (this.#queue.length > 0) this.#sendNext();
    task?.done(reply);
  };
}
