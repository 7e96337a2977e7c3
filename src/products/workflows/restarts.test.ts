import { afterEach, describe, expect, it } from "vitest";
import { startTestHome, type TestHome } from "./testing.ts";

const code = (release: string) => `
export class Orders extends WorkflowEntrypoint {
  async run(event, step) {
    const one = await step.do("one", () => { log("one"); return ${JSON.stringify(release)}; });
    await step.sleep("pause", event.payload.pauseMs);
    const two = await step.do("two", { retries: { limit: 2, delay: 10 } }, async ({ attempt }) => {
      log("two " + attempt);
      if (attempt === 1 && event.payload.hangs) await scheduler.wait(600_000);
      return ${JSON.stringify(release)};
    });
    const { payload } = await step.waitForEvent("three", { type: "go", timeout: "1 day" });
    return [one, two, payload, ${JSON.stringify(release)}];
  }
}
`;

/** Polls until the code has logged the line; bounded. */
async function logged(home: TestHome, line: string): Promise<void> {
  for (const until = Date.now() + 30_000; !home.logged().includes(line); ) {
    if (Date.now() > until) throw new Error(`never logged: ${line}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe("workflows over restarts", () => {
  let home: TestHome;
  afterEach(() => home.stop());

  it("goes on where it was after a crash in a sleep and an orderly end in a wait, on the code of the next version", async () => {
    home = await startTestHome(code("v1"));
    await home.call("create", [{ id: "i", params: { pauseMs: 2000 } }]);
    await home.reached("i", "waiting");
    await home.end("SIGKILL");
    await home.start(code("v2"));
    // Nobody calls: the sleep's alarm runs it.
    await logged(home, "two 1");
    await home.reached("i", "waiting");
    await home.end("SIGTERM");
    await home.start(code("v3"));
    await home.call("sendEvent", [{ type: "go", payload: "done" }], "i");
    expect((await home.reached("i", "complete")).output).toEqual(["v1", "v2", "done", "v3"]);
    expect(home.logged()).toEqual(["one", "two 1"]);
  });

  it("keeps an event that was sent before a crash", async () => {
    home = await startTestHome(code("v1"));
    await home.call("create", [{ id: "i", params: { pauseMs: 300 } }]);
    await home.call("sendEvent", [{ type: "go", payload: 7 }], "i");
    await home.end();
    await home.start();
    expect((await home.reached("i", "complete")).output).toEqual(["v1", "v1", 7, "v1"]);
  });

  it("does not count an attempt that an orderly end cut off", async () => {
    home = await startTestHome(`
      export class Orders extends WorkflowEntrypoint {
        async run(event, step) {
          return step.do("only", { retries: { limit: 0, delay: 1 } }, async ({ attempt }) => {
            log("only " + attempt);
            if (event.payload.hangs) await scheduler.wait(600_000);
            return attempt;
          });
        }
      }
    `);
    await home.call("create", [{ id: "i", params: { hangs: true } }]);
    await logged(home, "only 1");
    expect(await home.drain()).toBe(200);
    await home.end("SIGTERM");
    await home.start(`
      export class Orders extends WorkflowEntrypoint {
        async run(event, step) {
          return step.do("only", { retries: { limit: 0, delay: 1 } }, ({ attempt }) => attempt);
        }
      }
    `);
    const { output, steps } = await home.reached("i", "complete");
    expect(output).toBe(1);
    expect(steps[0]?.attempts).toMatchObject([
      { success: false, error: { name: "WorkflowInternalError" } },
      { success: true },
    ]);
  });

  it("repeats a step that a crash cut off, soon and without a call", { timeout: 90_000 }, async () => {
    home = await startTestHome(code("v1"));
    await home.call("create", [{ id: "i", params: { pauseMs: 0, hangs: true } }]);
    await logged(home, "two 1");
    await home.end();
    await home.start();
    await home.runner.fetch("/", { method: "GET" });
    for (const until = Date.now() + 60_000; !home.logged().includes("two 2"); ) {
      if (Date.now() > until) throw new Error("the step was not repeated");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const { steps } = await home.reached("i", "waiting");
    expect(steps.find(({ name }) => name === "two-1")?.attempts).toMatchObject([{ success: false }, { success: true }]);
  });
});
