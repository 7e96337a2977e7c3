import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { until } from "./harness/objects.ts";
import { killProcess, type Platform, startPlatform } from "./harness/platform.ts";
import { descendants } from "./harness/processes.ts";
import "./harness/suite.ts";

/** The longer run: `FREEHOLD_TEST_STATE_KILLS=100`. */
const kills = Number(process.env.FREEHOLD_TEST_STATE_KILLS ?? 10);
/** Every so many kills the whole tree goes, supervisor first. */
const wholeTreeEvery = 5;
const objects = 4;
const writers = 6;

const source = `import { DurableObject } from "cloudflare:workers";

export class Journal extends DurableObject {
  instance = crypto.randomUUID();

  constructor(ctx, env) {
    super(ctx, env);
    this.sql = ctx.storage.sql;
    this.sql.exec("create table if not exists writes (id integer primary key, token text not null, instance text not null)");
    this.sql.exec("create table if not exists alarms (token text primary key, due_ms integer not null, fired integer not null default 0)");
  }

  write(token) {
    this.sql.exec("insert into writes (token, instance) values (?, ?)", token, this.instance);
  }

  async remind(token, delayMs) {
    const due = Date.now() + delayMs;
    this.sql.exec("insert into alarms (token, due_ms) values (?, ?)", token, due);
    const next = await this.ctx.storage.getAlarm();
    if (next === null || next > due) await this.ctx.storage.setAlarm(due);
  }

  async alarm() {
    this.sql.exec("insert into writes (token, instance) values ('alarm', ?)", this.instance);
    this.sql.exec("update alarms set fired = fired + 1 where fired = 0 and due_ms <= ?", Date.now());
    const { due } = this.sql.exec("select min(due_ms) as due from alarms where fired = 0").one();
    if (due !== null) await this.ctx.storage.setAlarm(due);
  }

  read() {
    return {
      writes: this.sql.exec("select token, instance from writes order by id").toArray(),
      alarms: this.sql.exec("select token, fired from alarms").toArray(),
    };
  }
}

export default {
  async fetch(request, env) {
    const [, what, name, token] = new URL(request.url).pathname.split("/");
    const journal = env.JOURNAL.getByName(name);
    if (what === "write") await journal.write(token);
    else if (what === "remind") await journal.remind(token, 500 + Math.floor(Math.random() * 3000));
    else if (what === "insert") await env.DB.prepare("insert into tokens (token) values (?)").bind(token).run();
    else if (what === "rows") return Response.json((await env.DB.prepare("select token from tokens").raw()).flat());
    else return Response.json(await journal.read());
    return new Response("stored");
  },
};
`;

interface Journal {
  writes: { token: string; instance: string }[];
  alarms: { token: string; fired: number }[];
}

let running: Platform;

beforeAll(async () => {
  running = await startPlatform();
  const { uuid } = (await running.api.send("POST", "/d1/database", { name: "tokens" })) as { uuid: string };
  await running.api.send("POST", `/d1/database/${uuid}/query`, { sql: "create table tokens (token text primary key)" });
  await running.api.deploy("journal", source, {
    bindings: [
      { type: "durable_object_namespace", name: "JOURNAL", class_name: "Journal" },
      { type: "d1", name: "DB", id: uuid },
    ],
    migrations: { new_tag: "v1", steps: [{ new_sqlite_classes: ["Journal"] }] },
  });
});

afterAll(async () => {
  await running.stop();
  rmSync(dirname(running.dataDir), { recursive: true, force: true });
});

/** Whether the platform acknowledged the write. */
async function acknowledged(what: string, name: string, token: string): Promise<boolean> {
  try {
    const reply = await running.fetch(await running.url("journal", `/${what}/${name}/${token}`), { timeoutMs: 10_000 });
    return reply.status === 200 && reply.body === "stored";
  } catch {
    return false;
  }
}

async function readJson<T>(path: string): Promise<T | undefined> {
  try {
    const reply = await running.fetch(await running.url("journal", path), { timeoutMs: 10_000 });
    return reply.status === 200 ? (reply.json() as T) : undefined;
  } catch {
    return undefined;
  }
}

function random<T>(items: readonly T[]): T | undefined {
  return items[Math.floor(Math.random() * items.length)];
}

async function killWholeTree(): Promise<void> {
  const { supervisor, dataDir } = running;
  const family = descendants(supervisor.pid);
  supervisor.process.kill("SIGKILL");
  for (const member of family) killProcess(member, "SIGKILL");
  await supervisor.finished;
  running = await startPlatform({ dataDir });
}

async function killAnything(): Promise<string> {
  const victim = random(descendants(running.supervisor.pid));
  if (!victim) return "nothing";
  killProcess(victim, "SIGKILL");
  return victim.command.join(" ").slice(-60);
}

test(`${kills} × kill -9 of anything: no acknowledged write or alarm is lost, no object runs twice`, {
  timeout: 60_000 + kills * 6_000,
}, async () => {
  const stored = {
    write: new Map<string, string>(),
    remind: new Map<string, string>(),
    insert: new Map<string, string>(),
  };
  let writing = true;
  const writer = async () => {
    while (writing) {
      const what = random(["write", "write", "remind", "insert"] as const) ?? "write";
      const name = `object-${Math.floor(Math.random() * objects)}`;
      const token = randomUUID();
      if (await acknowledged(what, name, token)) stored[what].set(token, name);
      else await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const clients = Array.from({ length: writers }, writer);
  const count = () => stored.write.size + stored.insert.size;
  for (let kill = 1; kill <= kills; kill++) {
    // Each death meets a platform that writes.
    const before = count();
    await until(
      async () => count(),
      (now) => now >= before + 20,
      60_000,
    );
    if (kill % wholeTreeEvery === 0) await killWholeTree();
    else console.log(`kill ${kill}: ${await killAnything()}`);
  }
  writing = false;
  await Promise.all(clients);

  const lost: string[] = [];
  let instances = 0;
  for (let index = 0; index < objects; index++) {
    const name = `object-${index}`;
    const mine = (kind: Map<string, string>) => [...kind].filter(([, owner]) => owner === name).map(([token]) => token);
    const journal = await until(
      () => readJson<Journal>(`/read/${name}`),
      (read) => read?.alarms.every(({ fired }) => fired > 0) === true,
      30_000,
    );
    const written = new Set(journal?.writes.map(({ token }) => token));
    const reminded = new Set(journal?.alarms.map(({ token }) => token));
    lost.push(...mine(stored.write).filter((token) => !written.has(token)));
    lost.push(...mine(stored.remind).filter((token) => !reminded.has(token)));
    // One after the other: an instance that has been followed by another never writes again.
    const turns = (journal?.writes ?? []).map(({ instance }) => instance).filter((id, at, all) => id !== all[at - 1]);
    expect(turns.length).toBe(new Set(turns).size);
    instances += turns.length;
  }
  const rows = await until(
    () => readJson<string[]>("/rows/any"),
    (read) => read !== undefined,
    30_000,
  );
  const inserted = new Set(rows);
  lost.push(...[...stored.insert.keys()].filter((token) => !inserted.has(token)));
  console.log(
    `${kills} kills: ${stored.write.size} writes, ${stored.remind.size} alarms and ${stored.insert.size} D1 rows ` +
      `acknowledged, ${lost.length} lost; ${instances} lives of ${objects} objects`,
  );
  expect(lost).toEqual([]);
  expect(stored.write.size).toBeGreaterThan(kills);
});
