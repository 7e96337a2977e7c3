import type { OpenedTail, OpenTail } from "../../domain/live-tail.ts";
import type { SilentRunner } from "../../domain/silent-runners.ts";
import type { TraceItem, TraceListener, TraceSource } from "../../domain/trace.ts";
import {
  MAX_SESSIONS,
  MAX_SESSIONS_PER_ACCOUNT,
  MAX_SESSIONS_PER_SCRIPT,
  PROBE_MS,
  SESSION_LIFE_MS,
} from "./limits.ts";
import { messageFrame, type Socket, TailSession, type Traced } from "./session.ts";

/** A script that somebody listens to. */
export interface TailedScript {
  accountId: string;
  script: string;
}

export interface TailSessionsOptions {
  /**
   * The scripts with sessions, all of them, have changed, by the first session of `opened` or one more. Resolves when
   * runners of that one report, with those that do not.
   */
  changed(scripts: TailedScript[], opened?: TailedScript): Promise<SilentRunner[]>;
  lifeMs?: number;
}

/** How soon after it is over a time of overload is said to be over. */
const TICK_MS = 1_000;

/** Close codes (RFC 6455 7.4.1): 1000 tells clients that the end was meant; after others they begin another session. */
const NORMAL = 1000;
const GOING_AWAY = 1001;

/** Sessions of live logs. They are kept in memory alone: when the process ends, clients open new ones. */
export class TailSessions implements TraceListener {
  readonly #options: TailSessionsOptions;
  readonly #sessions = new Map<string, TailSession>();
  readonly #byScript = new Map<string, TailSession[]>();
  #timer: NodeJS.Timeout | undefined;
  #nextProbeMs = 0;

  constructor(options: TailSessionsOptions) {
    this.#options = options;
  }

  /** Resolves when the script's invocations are reported; undefined: there are too many sessions. */
  async open(of: TailedScript, wanted: OpenTail): Promise<OpenedTail | undefined> {
    const nowMs = Date.now();
    this.tick(nowMs);
    if (wanted.replace) for (const session of this.#of(of)) this.#end(session, NORMAL, "Another session has begun.");
    if (this.#isFull(of)) return undefined;
    const session = new TailSession(of, wanted, nowMs, this.#options.lifeMs ?? SESSION_LIFE_MS);
    this.#sessions.set(session.secret, session);
    this.#byScript.set(key(of), [...this.#of(of), session]);
    this.#timer ??= setInterval(() => this.tick(Date.now()), TICK_MS).unref();
    const silent = await this.#tellChanged(of);
    for (const { versionId, why } of silent) session.warn(silentText(of.script, versionId, why));
    session.complete = true;
    return { id: session.id, secret: session.secret, expiresMs: session.expiresMs };
  }

  /** Sessions of a script to which its invocations are reported. */
  list(of: TailedScript): { id: string; expiresMs: number }[] {
    const sessions = this.#of(of).filter(({ complete }) => complete);
    return sessions.map(({ id, expiresMs }) => ({ id, expiresMs }));
  }

  /** Ends a session; one that has ended before, or with another process, is no error. */
  async close(of: TailedScript, id: string): Promise<void> {
    const session = this.#of(of).find((one) => one.id === id);
    if (!session) return;
    this.#end(session, NORMAL, "The session was ended.");
    await this.#tellChanged();
  }

  /** The session that a secret opens, if its WebSocket has not come; `taken`: it has. */
  find(secret: string): TailSession | "taken" | undefined {
    const session = this.#sessions.get(secret);
    return session?.attached ? "taken" : session;
  }

  /** Sends the session's messages to its WebSocket. The session ends with it. */
  attach(session: TailSession, socket: Socket): void {
    session.attach(socket, () => {
      if (!this.#sessions.has(session.secret)) return;
      this.#end(session, NORMAL, "");
      this.#tellChangedLater();
    });
  }

  take(source: TraceSource, items: readonly TraceItem[]): void {
    const sessions = this.#byScript.get(key(source));
    if (sessions === undefined) return;
    const nowMs = Date.now();
    for (const item of items) {
      const traced = tracedOnce(source, item);
      for (const session of sessions) session.take(traced, nowMs);
    }
  }

  /** Ends what is over, asks clients whether they are there, and tells them when an overload has passed. */
  tick(nowMs: number): void {
    const ended = [...this.#sessions.values()].filter((session) => session.isOver(nowMs));
    for (const session of ended) this.#end(session, NORMAL, "The session's time is over.");
    if (ended.length > 0) this.#tellChangedLater();
    const probing = nowMs >= this.#nextProbeMs;
    if (probing) this.#nextProbeMs = nowMs + PROBE_MS;
    for (const session of this.#sessions.values()) {
      session.tick(nowMs);
      if (probing) session.probe();
    }
  }

  /** This process ends: clients are told to come again. */
  closeAll(): void {
    for (const session of [...this.#sessions.values()]) this.#end(session, GOING_AWAY, "The platform restarts.");
  }

  #isFull(of: TailedScript): boolean {
    if (this.#sessions.size >= MAX_SESSIONS || this.#of(of).length >= MAX_SESSIONS_PER_SCRIPT) return true;
    const ofAccount = [...this.#sessions.values()].filter(({ accountId }) => accountId === of.accountId);
    return ofAccount.length >= MAX_SESSIONS_PER_ACCOUNT;
  }

  #of(of: TailedScript): TailSession[] {
    return this.#byScript.get(key(of)) ?? [];
  }

  #end(session: TailSession, code: number, reason: string): void {
    this.#sessions.delete(session.secret);
    const others = this.#of(session).filter((other) => other !== session);
    if (others.length > 0) this.#byScript.set(key(session), others);
    else this.#byScript.delete(key(session));
    session.close(code, reason);
    if (this.#sessions.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Nobody waits; whoever cannot be told now is told with the next change. */
  #tellChangedLater(): void {
    this.#tellChanged().catch(() => {});
  }

  async #tellChanged(opened?: TailedScript): Promise<SilentRunner[]> {
    const scripts = [...this.#byScript.values()].flatMap(([first]) =>
      first ? [{ accountId: first.accountId, script: first.script }] : [],
    );
    return this.#options.changed(scripts, opened);
  }
}

function key({ accountId, script }: TailedScript): string {
  return `${accountId}/${script}`;
}

function silentText(script: string, versionId: string, why: string): string {
  return (
    `What version ${versionId} of "${script}" does is not shown: it goes on serving in a process that reports nothing, ` +
    `since one that reports cannot take its place. ${why}\nThis is tried again every minute, and when another session begins.`
  );
}

function tracedOnce(source: TraceSource, item: TraceItem): Traced {
  let made: Buffer | undefined;
  let madeFor: string | undefined;
  return {
    item,
    source,
    frame(scriptName) {
      if (made === undefined || madeFor !== scriptName) {
        made = messageFrame({ item, source }, scriptName);
        madeFor = scriptName;
      }
      return made;
    },
  };
}
