import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { RoutingSnapshot } from "../domain/routing.ts";
import { type TestPlatform, testPlatform } from "../store/testing.ts";
import { Publisher } from "./publisher.ts";
import { addScript } from "./testing-scripts.ts";

let platform: TestPlatform;
beforeEach(async () => {
  platform = await testPlatform();
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
    const publisher = new Publisher({
      db: platform.db,
      routesPath,
      homesPath: join(platform.config.dataDir, "homes.json"),
      queuesPath: join(platform.config.dataDir, "queues.json"),
      observedPath: join(platform.config.dataDir, "observed.json"),
      retentionMs: 0,
      dailyRequests: 0,
      before: async () => {},
      announce: (generation) => new Promise((done, fail) => void announced.push({ generation, done, fail })),
    });
    const written = () => JSON.parse(readFileSync(routesPath, "utf8")) as RoutingSnapshot;
    return { publisher, announced, written };
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
    const { publisher, announced } = held();
    const promise = publisher.publish();
    await vi.waitFor(() => expect(announced).toHaveLength(1));
    announced[0]?.fail(new Error("an edge is away"));
    await expect(promise).rejects.toThrow("an edge is away");
    await vi.waitFor(() => expect(announced).toHaveLength(2), 5000);
    announced[1]?.done();
    await vi.waitFor(() => expect(publisher.published).toBe(true));
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
