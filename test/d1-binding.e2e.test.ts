/** A Worker's D1 binding on the whole platform: binding → runner → services → sandboxed SQLite host. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Platform, startPlatform } from "./harness/platform.ts";
import { descendants } from "./harness/processes.ts";

const worker = `
const calls = {
  all: (db) => db.prepare("SELECT id, name FROM people WHERE id > ? ORDER BY id").bind(0).all(),
  first: (db) => db.prepare("SELECT name FROM people WHERE id = ?2").bind("unused", 1).first("name"),
  raw: (db) => db.prepare("SELECT * FROM people ORDER BY id").raw({ columnNames: true }),
  run: (db) => db.prepare("INSERT INTO people (name, data) VALUES (?, ?)").bind("Grace", new Uint8Array([1, 2, 255])).run(),
  blob: (db) => db.prepare("SELECT data FROM people WHERE data NOT NULL").first(),
  batch: (db) => db.batch([
    db.prepare("INSERT INTO people (name) VALUES (?)").bind("Linus"),
    db.prepare("SELECT count(*) AS count FROM people"),
  ]),
  async rollback(db) {
    try {
      await db.batch([db.prepare("DELETE FROM people"), db.prepare("SELECT * FROM nowhere")]);
    } catch (error) {
      const { count } = await db.prepare("SELECT count(*) AS count FROM people").first();
      return { message: error.message, cause: error.cause?.message, count };
    }
  },
  exec: (db) => db.exec("CREATE TABLE IF NOT EXISTS people (id INTEGER PRIMARY KEY, name TEXT, data BLOB);\\nINSERT INTO people (name) VALUES ('Ada')"),
  async session(db) {
    const session = db.withSession("first-primary");
    const before = session.getBookmark();
    await session.prepare("INSERT INTO people (name) VALUES ('s')").run();
    const first = session.getBookmark();
    await session.prepare("INSERT INTO people (name) VALUES ('t')").run();
    return { before, first, second: session.getBookmark() };
  },
};
export default {
  async fetch(request, env) {
    try {
      return Response.json({ result: await calls[new URL(request.url).pathname.slice(1)](env.DB) });
    } catch (error) {
      return Response.json({ error: error.message });
    }
  },
};`;

let platform: Platform;

beforeAll(async () => {
  platform = await startPlatform();
  const { uuid } = (await platform.api.send("POST", "/d1/database", { name: "people" })) as { uuid: string };
  await platform.api.deploy("app", worker, { bindings: [{ type: "d1", name: "DB", id: uuid }] });
});

afterAll(async () => {
  await platform[Symbol.asyncDispose]();
});

async function call(name: string): Promise<unknown> {
  const { body } = await platform.fetch(await platform.url("app", `/${name}`));
  const { result, error } = JSON.parse(body) as { result?: unknown; error?: string };
  if (error !== undefined) throw new Error(error);
  return result;
}

test("every call of the binding reaches the database", async () => {
  expect(await call("exec")).toMatchObject({ count: 2 });
  expect(await call("run")).toMatchObject({
    success: true,
    meta: { changes: 1, last_row_id: 2, changed_db: true, rows_written: 1 },
  });
  expect(await call("all")).toMatchObject({
    success: true,
    results: [
      { id: 1, name: "Ada" },
      { id: 2, name: "Grace" },
    ],
    meta: { changes: 0, changed_db: false },
  });
  expect(await call("blob")).toEqual({ data: [1, 2, 255] });
  expect(await call("batch")).toMatchObject([{ meta: { changes: 1 } }, { results: [{ count: 3 }] }]);
  expect(await call("rollback")).toEqual({
    message: "D1_ERROR: no such table: nowhere: SQLITE_ERROR",
    cause: "no such table: nowhere: SQLITE_ERROR",
    count: 3,
  });
  expect(await call("raw")).toMatchObject([["id", "name", "data"], [1, "Ada", null], {}, {}]);
});

test("parameters can be numbered", async () => {
  await expect(call("first")).resolves.toBe("Ada");
});

test("bookmarks of a session go forward", async () => {
  const { before, first, second } = (await call("session")) as { before: null; first: string; second: string };
  expect(before).toBeNull();
  expect(first).toMatch(/^[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{32}$/);
  expect(second > first).toBe(true);
});

test("the database outlives every process that serves it", async () => {
  const rows = async () => ((await call("all")) as { results: unknown[] }).results.length;
  const before = await rows();
  for (const mark of ["db.sock", "role:services"]) {
    for (const { pid } of descendants(platform.supervisor.pid)) {
      if (!commandLine(pid).includes(mark)) continue;
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // Ended with the one around it.
      }
    }
    await expect.poll(() => call("run").then(() => "written", String), { timeout: 30_000 }).toBe("written");
  }
  expect(await rows()).toBeGreaterThanOrEqual(before + 2);
});

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}
