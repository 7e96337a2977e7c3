import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { registryObstacle, run } from "./harness/npm.ts";
import { urlPrintedBy } from "./harness/platform.ts";
import { copyOfFixture } from "./harness/site.ts";
import { usePlatform } from "./harness/suite.ts";

const obstacle = registryObstacle(tmpdir());
if (obstacle) console.warn(`Drizzle on D1: skipped, ${obstacle}`);

const platform = usePlatform();

describe.skipIf(obstacle)("Drizzle on D1", () => {
  let directory = "";
  beforeAll(async () => {
    directory = copyOfFixture("d1-drizzle");
    const quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--legacy-peer-deps"];
    await run("npm", ["install", ...quiet], directory, {}, 80_000);
  }, 90_000);
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  test("migrations as drizzle-kit writes them, and its queries", async () => {
    const address = urlPrintedBy(await platform().wranglerOk(directory, ["deploy"]));
    await platform().wranglerOk(directory, ["d1", "migrations", "apply", "DB", "--remote"]);
    const reply = await platform().fetch(address);
    expect(reply.status, reply.body).toBe(200);
    expect(reply.json()).toEqual({
      tea: { id: 1, name: "tea", price: 1.5, added: true },
      ordered: [{ total: 5 }],
      nested: [{ name: "tea", orders: [{ amount: 2 }, { amount: 3 }] }],
      price: 2.25,
      refused: expect.stringContaining("UNIQUE constraint failed: products.name"),
      left: [0, 0],
    });
  });
});
