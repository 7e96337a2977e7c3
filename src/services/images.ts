import { type HostReply, requestKind } from "../products/d1/host-protocol.ts";
import type { ImagesCaller } from "../products/images/backend.ts";
import { CALL_MS, HOST_IDLE_MS, LANES } from "../products/images/limits.ts";
import { Turns } from "../products/images/turns.ts";
import { Databases, type DatabaseWords } from "./databases.ts";

const WORDS: DatabaseWords = {
  timedOut: `The image took longer than ${CALL_MS / 1000} seconds. Ask for a smaller one, or for another format than AVIF.`,
  starved: "The image was given up: the account works on as many as it may, and others waited.",
  overloaded: "Too many images wait. Try again later.",
  unreachable: "Images cannot be worked on now. Try again.",
  lost: "The image was given up, perhaps because it took too much memory.",
};

/** Sends calls of the Images binding to hosts, where alone the bytes of pictures are looked at. */
export class Images implements ImagesCaller {
  readonly #hosts: Databases;
  readonly #turns = new Turns();
  #lane = 0;

  constructor(
    startHost: (hostId: string, accountId: string) => Promise<string>,
    endHost: (hostId: string) => Promise<unknown>,
  ) {
    this.#hosts = new Databases({
      startHost,
      endHost,
      queryMs: CALL_MS,
      idleMs: HOST_IDLE_MS,
      name: "images",
      words: WORDS,
    });
  }

  turn(accountId: string): Promise<() => void> {
    return this.#turns.take(accountId);
  }

  run(accountId: string, payload: Buffer, isWanted: () => boolean): Promise<HostReply> {
    this.#lane = (this.#lane + 1) % LANES;
    // Not asked again of another host: what ended one would end the next.
    const request = {
      databaseId: `lane-${this.#lane}`,
      kind: requestKind.operation,
      flags: 0,
      payload,
      isWanted,
      writesNothing: false,
    };
    return new Promise((resolve) => this.#hosts.run(accountId, request, resolve));
  }
}
