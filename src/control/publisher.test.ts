import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { PublicationState } from "../domain/publication.ts";
import type { RoutingSnapshot } from "../domain/routing.ts";
import { errorsLike } from "../lib/testing-console.ts";
import { type TestPlatform, testPlatform } from "../store/testing.ts";
import { PublicationLog } from "./publication-log.ts";
import { Publisher } from "./publisher.ts";
import { addScript } from "./testing-scripts.ts";

let platform: TestPlatform;
let brokenKey: boolean;
beforeEach(async () => {
  platform = await testPlatform();
  brokenKey = false;
});
afterEach(async () => {
  vi.useRealTimers();
  await platform.end();
});

describe("Publisher", () => {
  /** A publisher whose announcements wait until the test lets them pass. */
  function held() {
    const announced: { generation: number; done: () => void; fail: (error: Error) => void }[] = [];
    const routesPath = join(platform.config.dataDir, "routes.json");
    const logPath = join(platform.config.dataDir, "publication.json");
    const publisher = new Publisher({
      db: platform.db,
      routesPath,
      homesPath: join(platform.config.dataDir, "homes.json"),
      queuesPath: join(platform.config.dataDir, "queues.json"),
      observedPath: join(platform.config.dataDir, "observed.json"),
      retentionMs: 0,
      dailyRequests: 0,
      log: new PublicationLog(logPath),
      before: async (_snapshot, skip) => {
        if (brokenKey) skip("access key k", new Error("it does not open"));
      },
      announce: (generation) => new Promise((done, fail) => void announced.push({ generation, done, fail })),
    });
    const written = () => JSON.parse(readFileSync(routesPath, "utf8")) as RoutingSnapshot;
    const state = () => JSON.parse(readFileSync(logPath, "utf8")) as PublicationState;
    return { publisher, announced, written, state };
  }

  it("resolves when the snapshot is in use, not before", async () => {
    const { publisher, announced, written } = held();
    const promise = publisher.publish();
    await vi.waitFor(() => expect(announced).toHaveLength(1));
    expect(publisher.published).toBe(false);
    expect(written().generation).toBe(1);
    announced[0]?.done();
    await promise;
    expect(publisher.published).toBe(true);
  });

  it("serves all who come during one publication with the next, which sees their changes", async () => {
    const { publisher, announced, written } = held();
    const first = publisher.publish();
    await vi.waitFor(() => expect(announced).toHaveLength(1));
    // After the first snapshot was taken: it may not answer for these.
    await addScript(platform, "late", 0);
    let resolved = 0;
    const late = Array.from({ length: 50 }, () => publisher.publish().then(() => resolved++));
    announced[0]?.done();
    await first;
    expect(resolved).toBe(0);
    await vi.waitFor(() => expect(announced).toHaveLength(2));
    expect(written().scripts.map((script) => script.name)).toEqual(["late"]);
    announced[1]?.done();
    await Promise.all(late);
    expect(announced.map((one) => one.generation)).toEqual([1, 2]);
  });

  it("fails its callers when the others do not take it, and tries again on its own", async () => {
    const { publisher, announced, state } = held();
    const promise = publisher.publish();
    await vi.waitFor(() => expect(announced).toHaveLength(1));
    announced[0]?.fail(new Error("an edge is away"));
    await expect(promise).rejects.toThrow("an edge is away");
    expect(state().failed).toEqual({ why: "an edge is away", since: expect.stringContaining("T") });
    await vi.waitFor(() => expect(announced).toHaveLength(2));
    announced[1]?.done();
    await vi.waitFor(() => expect(state()).toEqual({ skipped: [] }));
    expect(publisher.published).toBe(true);
  });

  it("leaves broken rows out, says so once, and is whole again when they are mended", async () => {
    const { publisher, announced, written, state } = held();
    const logged = errorsLike(/^(NOT PUBLISHED|Published again)/);
    const publish = async () => {
      const published = publisher.publish();
      const count = announced.length + 1;
      await vi.waitFor(() => expect(announced).toHaveLength(count));
      announced.at(-1)?.done();
      await published;
    };
    const { db, account } = platform;
    await addScript(platform, "good", 1);
    await addScript(platform, "bad", 1, { settings_json: "{not JSON" });
    const queue = { id: "q", account_id: account.id, name: "jobs", created_on: "", modified_on: "" };
    await db
      .insertInto("queues")
      .values({ ...queue, delivery_delay: 0, retention: 60, paused: 0 })
      .execute();
    const consumer = {
      id: "c",
      account_id: account.id,
      queue_id: "q",
      type: "http_pull",
      script: null,
      dead_letter_queue: null,
      created_on: "",
    };
    await db
      .insertInto("queue_consumers")
      .values({ ...consumer, settings_json: "?" })
      .execute();
    brokenKey = true;
    await publish();
    expect(written().scripts.map(({ name }) => name)).toEqual(["good"]);
    expect(state().skipped).toEqual([
      { what: `script bad of ${account.id}`, why: expect.stringContaining("JSON") },
      { what: `consumer of the queue jobs of ${account.id}`, why: expect.stringContaining("JSON") },
      { what: "access key k", why: "it does not open" },
    ]);
    expect(logged).toHaveLength(3);
    await publish();
    expect(logged).toHaveLength(3);

    brokenKey = false;
    await db.updateTable("scripts").set({ settings_json: "{}" }).where("id", "=", "bad").execute();
    await db.deleteFrom("queue_consumers").execute();
    await publish();
    expect(written().scripts.map(({ name }) => name)).toEqual(["bad", "good"]);
    expect(state()).toEqual({ skipped: [] });
    expect(logged).toHaveLength(6);
  });

  it("goes on after a failure for those who waited", async () => {
    const { publisher, announced } = held();
    const first = publisher.publish();
    await vi.waitFor(() => expect(announced).toHaveLength(1));
    const second = publisher.publish();
    announced[0]?.fail(new Error("away"));
    await expect(first).rejects.toThrow("away");
    await vi.waitFor(() => expect(announced).toHaveLength(2));
    announced[1]?.done();
    await second;
    publisher.stop();
  });
});
