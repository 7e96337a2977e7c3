import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfig } from "../domain/config.ts";
import type { Delivery, RunnerEvent } from "../domain/events.ts";
import type { ValidateReply } from "../domain/messages.ts";
import type { LaunchRecord } from "../domain/version.ts";
import type { EdgeCounts } from "../domain/version-counts.ts";
import type { Actor } from "../lib/api.ts";
import { directoryBlobs } from "./blobs.ts";
import { migrate } from "./migrations/index.ts";
import { DatabaseError, type Platform, type Runtime } from "./platform.ts";
import type { AccountRow } from "./schema.ts";
import { openDatabase } from "./sqlite.ts";

/** A {@link Runtime} that starts nothing and remembers what was asked of it. */
export interface FakeRuntime extends Runtime {
  /** What the next validations answer. */
  validation: ValidateReply;
  validated: LaunchRecord[];
  records: Map<string, LaunchRecord>;
  prepared: string[];
  published: number;
  retired: string[];
  discarded: string[];
  /** What edges say they have counted. */
  counted: EdgeCounts[];
  delivered: { versionId: string; event: RunnerEvent; timeoutMs: number }[];
  /** What comes of the next events. */
  delivery(event: RunnerEvent): Delivery | Promise<Delivery>;
}

/** A platform for tests: SQLite in memory, blobs in a temporary directory, no processes. */
export interface TestPlatform extends Platform {
  runtime: FakeRuntime;
  account: AccountRow;
  actor: Actor;
  /** What handlers said to the audit trail. */
  audited: { action: string; target: string; detail?: Record<string, unknown> }[];
  /** Closes the database and removes the directory. */
  end(): Promise<void>;
}

export async function testPlatform(env: Record<string, string> = {}): Promise<TestPlatform> {
  const dataDir = mkdtempSync(join(tmpdir(), "freehold-test-"));
  const config = readConfig({ FREEHOLD_DATA: dataDir, ...env }, 1);
  const db = openDatabase(":memory:");
  await migrate(db);
  const account: AccountRow = {
    id: "a".repeat(32),
    name: "Test",
    subdomain: "dev",
    created_on: new Date().toISOString(),
  };
  await db.insertInto("accounts").values(account).execute();
  const audited: TestPlatform["audited"] = [];
  return {
    config,
    db,
    blobs: directoryBlobs(join(dataDir, "blobs")),
    runtime: fakeRuntime(),
    // Tests of databases put their own here (`products/d1/testing.ts`).
    databases: {
      call: async () => Promise.reject(new DatabaseError("unavailable", "there are no databases in this test")),
    },
    caches: { purge: async () => 0 },
    services: async () => Promise.reject(new Error("there are no services in this test")),
    // Readable on purpose, so that a test can see which text was sealed.
    seal: (text) => ({ sealed: `sealed:${Buffer.from(text).toString("base64")}` }),
    unseal: ({ sealed }) => Buffer.from(sealed.slice("sealed:".length), "base64").toString(),
    signingKey: (purpose) => createHash("sha256").update(purpose).digest(),
    audit: async ({ accountId: _, actor: __, ...event }) => {
      audited.push(event);
    },
    account,
    actor: { tokenId: "test-token", email: "test@localhost", scope: "admin" },
    audited,
    async end() {
      await db.destroy();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

function fakeRuntime(): FakeRuntime {
  return {
    validation: { ok: true, exports: [{ name: "default", kind: "object", handlers: ["fetch"] }], startupTimeMs: 3 },
    validated: [],
    records: new Map(),
    prepared: [],
    published: 0,
    retired: [],
    async validate(record) {
      this.validated.push(record);
      return this.validation;
    },
    async writeLaunchRecord(record) {
      this.records.set(record.versionId, record);
    },
    async removeLaunchRecords(versionIds) {
      for (const versionId of versionIds) this.records.delete(versionId);
    },
    discarded: [],
    async discardState(stateIds) {
      this.discarded.push(...stateIds);
    },
    async gate() {
      return { unavailable: "there are no runners in this test" };
    },
    delivered: [],
    delivery: () => ({ outcome: "ok", begun: true }),
    async deliver(versionId, event, timeoutMs) {
      this.delivered.push({ versionId, event, timeoutMs });
      return this.delivery(event);
    },
    counted: [],
    async counts() {
      return structuredClone(this.counted);
    },
    async prepare(versionId) {
      this.prepared.push(versionId);
    },
    async publish() {
      this.published++;
    },
    async retire(versionIds) {
      this.retired.push(...versionIds);
    },
  };
}
