import type { ChildProcess } from "node:child_process";

/** A table of calls: name to request and reply types. */
type Calls = { [name: string]: { request: unknown; reply: unknown } };

type Handler<Request, Reply> = (request: Request) => Reply | Promise<Reply>;

/** What `ChildProcess` and `process` have in common for messages. */
type Port = Pick<ChildProcess, "send" | "on">;

type Message =
  | { kind: "call"; id: number; name: string; request: unknown }
  | { kind: "reply"; id: number; reply: unknown }
  | { kind: "error"; id: number; message: string };

/** The other process is gone, or did not answer in time. */
export class ChannelError extends Error {
  override name = "ChannelError";
}

/**
 * Requests and replies between a parent and a child process over Node's IPC.
 * `Outgoing` are the calls this side makes, `Incoming` the calls it answers.
 */
export class Channel<Outgoing, Incoming> {
  #port: Port;
  #nextId = 1;
  #waiting = new Map<
    number,
    { resolve: (reply: never) => void; reject: (error: Error) => void; timer: NodeJS.Timeout }
  >();
  #handlers = new Map<string, Handler<never, unknown>>();
  #closed = false;

  constructor(port: Port) {
    this.#port = port;
    port.on("message", (message) => this.#receive(message as Message));
    port.on("disconnect", () => this.#close());
  }

  /** Answers calls of this name. A thrown error reaches the caller as a {@link ChannelError}. */
  handle<Name extends keyof Incoming & string>(
    name: Name,
    handler: Handler<Request<Incoming, Name>, Reply<Incoming, Name>>,
  ): void {
    this.#handlers.set(name, handler as Handler<never, unknown>);
  }

  /** Calls the other side. Rejects with {@link ChannelError} when it is gone or silent for `timeoutMs`. */
  call<Name extends keyof Outgoing & string>(
    name: Name,
    request: Request<Outgoing, Name>,
    timeoutMs = 30_000,
  ): Promise<Reply<Outgoing, Name>> {
    if (this.#closed) return Promise.reject(new ChannelError("the other process is gone"));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new ChannelError(`no answer to "${name}" within ${timeoutMs} ms`));
      }, timeoutMs);
      this.#waiting.set(id, { resolve, reject, timer });
      this.#send({ kind: "call", id, name, request });
    });
  }

  #send(message: Message): void {
    // Errors surface as `disconnect`; a callback keeps Node from raising them as events.
    if (!this.#closed) this.#port.send(message, () => {});
  }

  async #receive(message: Message): Promise<void> {
    if (message.kind === "call") {
      try {
        const handler = this.#handlers.get(message.name);
        if (!handler) throw new Error(`unknown call "${message.name}"`);
        this.#send({ kind: "reply", id: message.id, reply: await handler(message.request as never) });
      } catch (error) {
        this.#send({ kind: "error", id: message.id, message: error instanceof Error ? error.message : String(error) });
      }
      return;
    }
    const waiting = this.#waiting.get(message.id);
    if (!waiting) return;
    this.#waiting.delete(message.id);
    clearTimeout(waiting.timer);
    if (message.kind === "reply") waiting.resolve(message.reply as never);
    else waiting.reject(new ChannelError(message.message));
  }

  #close(): void {
    this.#closed = true;
    for (const waiting of this.#waiting.values()) {
      clearTimeout(waiting.timer);
      waiting.reject(new ChannelError("the other process is gone"));
    }
    this.#waiting.clear();
  }
}

type Request<C, Name extends keyof C> = C[Name] extends Calls[string] ? C[Name]["request"] : never;
type Reply<C, Name extends keyof C> = C[Name] extends Calls[string] ? C[Name]["reply"] : never;

/** The channel of a child process to the one that started it. Throws when there is none. */
export function parentChannel<Outgoing, Incoming>(): Channel<Outgoing, Incoming> {
  if (!process.send) throw new Error("this role is started by the supervisor; run `freehold up`");
  return new Channel<Outgoing, Incoming>(process as unknown as Port);
}
