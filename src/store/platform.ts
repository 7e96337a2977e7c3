import type { Readable } from "node:stream";
import type { Kysely } from "kysely";
import type { Config } from "../domain/config.ts";
import type { Delivery, RunnerEvent } from "../domain/events.ts";
import type { ValidateReply } from "../domain/messages.ts";
import type { LaunchRecord, Sealed } from "../domain/version.ts";
import type { EdgeCounts } from "../domain/version-counts.ts";
import type { Actor, Route } from "../lib/api.ts";
import type { Database } from "./schema.ts";

/** Content-addressed storage: the `blobs` port. Keys are SHA-256, hex. */
export interface Blobs {
  /** Stores the bytes durably (on disk before it resolves) and returns their key. Storing twice is free. */
  put(bytes: Uint8Array): Promise<string>;
  /** The bytes, or undefined when there are none under this key. */
  get(key: string): Promise<Uint8Array | undefined>;
  /** Forgets the bytes. A key that names none is no error. */
  delete(key: string): Promise<void>;
}

/** What the rules of `workers/` and the products need of the machine they run on. */
export interface Runtime {
  /** Starts the code once, aside; says whether it is sound and what it exports. */
  validate(record: LaunchRecord): Promise<ValidateReply>;
  /** Writes the launch record where the supervisor finds it; durable when it resolves. */
  writeLaunchRecord(record: LaunchRecord): Promise<void>;
  /** Removes the launch records of deleted versions, with the secrets in them. Missing ones are no error. */
  removeLaunchRecords(versionIds: string[]): Promise<void>;
  /** Starts the version's runner ahead of its first request. Never rejects: a late start is no error. */
  prepare(versionId: string): Promise<void>;
  /** Makes the database's present state the one that edges route by; resolves when they do. */
  publish(): Promise<void>;
  /** Removes the data of deleted namespaces and workflows once no runner has it any more. Call after {@link publish}. */
  discardState(stateIds: string[]): Promise<void>;
  /** Starts the version's runner if need be; where its gate is. Undefined when it owns no state or cannot start. */
  gate(versionId: string): Promise<{ socket: string } | { unavailable: string }>;
  /** Has the version handle an event, for `timeoutMs` at most; starts its runner if need be. Never rejects. */
  deliver(versionId: string, event: RunnerEvent, timeoutMs: number): Promise<Delivery>;
  /** What edges have counted of versions whose rollout is watched, each since it began. */
  counts(): Promise<EdgeCounts[]>;
  /** Drains and stops the runners of versions that left the deployment. Call after {@link publish}. */
  retire(versionIds: string[]): Promise<void>;
}

/** D1 databases, where they run. The operations, with their requests and replies, are those of `products/d1/operations.ts`. */
export interface Databases {
  /** Rejects with {@link DatabaseError}. */
  call(
    accountId: string,
    databaseId: string,
    operation: string,
    request: Record<string, unknown>,
    timeoutMs: number,
  ): Promise<unknown>;
}

/** What Workers keep with the Cache API, where it is. */
export interface Caches {
  /** Removes what is meant (`Purge` of `products/cache/store.ts`) from a script's caches; resolves with the number of responses. */
  purge(accountId: string, script: string, purge: Record<string, unknown>): Promise<number>;
}

/** Why a database could not do what was asked (`D1Failure` of `products/d1/operations.ts`). */
export type DatabaseFailureCode =
  | "sql"
  | "refused"
  | "timeout"
  | "too-large"
  | "not-found"
  | "unavailable"
  | "bad-bookmark";

/** A failure that the caller is told of; the message is SQLite's, with its code, as the original words it. */
export class DatabaseError extends Error {
  override name = "DatabaseError";
  readonly code: DatabaseFailureCode;

  constructor(code: DatabaseFailureCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** A request to the services role, where data of products is. */
export interface ServicesRequest {
  method?: string;
  headers?: Record<string, string>;
  /** Streamed when it is no text and no bytes. */
  body?: string | Uint8Array | AsyncIterable<Uint8Array>;
}

export interface ServicesReply {
  status: number;
  /** Of the status line. */
  reason: string;
  header(name: string): string | undefined;
  /** To be read to its end, or destroyed. */
  body: Readable;
}

/** Rejects when the services role cannot be reached, or breaks off before it answers. */
export type ServicesCaller = (path: string, request?: ServicesRequest) => Promise<ServicesReply>;

/** Everything an API handler may touch. */
export interface Platform {
  config: Config;
  db: Kysely<Database>;
  blobs: Blobs;
  runtime: Runtime;
  databases: Databases;
  caches: Caches;
  services: ServicesCaller;
  seal(text: string): Sealed;
  unseal(sealed: Sealed): string;
  /** A key of 32 bytes for signing, derived from the master key; the same purpose gives the same key. */
  signingKey(purpose: string): Buffer;
  /** Adds to the audit trail: who did what to which target. */
  audit(event: {
    accountId: string;
    actor: Actor;
    action: string;
    target: string;
    detail?: Record<string, unknown>;
  }): Promise<void>;
}

export type ApiRoute = Route<Platform>;
