import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConfigError } from "../domain/config.ts";
import { initialTables } from "./migrations/0001-initial-tables.ts";
import { routes } from "./migrations/0010-routes.ts";
import { bucketDomains } from "./migrations/0019-bucket-domains.ts";
import { migrate } from "./migrations/index.ts";
import { openDatabase } from "./sqlite.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "freehold-sqlite-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const account = (id: string, subdomain: string) => ({
  id,
  subdomain,
  name: "n",
  created_on: "2026-01-01T00:00:00.000Z",
});

describe("migrations", () => {
  it("run once, are recorded, and keep the rows when run again", async () => {
    const path = join(directory, "twice.db");
    const first = openDatabase(path);
    await migrate(first);
    await first.insertInto("accounts").values(account("a", "dev")).execute();
    await first.destroy();

    const second = openDatabase(path);
    await migrate(second);
    expect(await second.selectFrom("accounts").select("id").execute()).toEqual([{ id: "a" }]);
    const recorded = await second
      .selectFrom("kysely_migration" as "settings")
      .select("name" as "key")
      .execute();
    expect(recorded).toEqual([
      { name: "0001-initial-tables" },
      { name: "0002-static-assets" },
      { name: "0003-state" },
      { name: "0004-kv" },
      { name: "0006-queues" },
      { name: "0007-cron" },
      { name: "0008-secrets-store" },
      { name: "0010-routes" },
      { name: "0011-rollouts" },
      { name: "0012-previews" },
      { name: "0013-pages" },
      { name: "0014-s3-keys" },
      { name: "0016-logpush" },
      { name: "0017-deploy-hooks" },
      { name: "0018-quotas" },
      { name: "0019-bucket-domains" },
      { name: "0020-pages" },
    ]);
    await second.destroy();
  });

  it("leave nothing behind when they fail", async () => {
    const db = openDatabase(":memory:");
    // In the way of the last table that the migration makes.
    await db.schema.createTable("settings").addColumn("key", "text").execute();
    await expect(migrate(db)).rejects.toThrow("settings");
    const tables = await db.introspection.getTables();
    expect(tables.map((table) => table.name)).not.toContain("accounts");
    await db.schema.dropTable("settings").execute();
    await migrate(db);
    await db.destroy();
  });

  it("keep the custom domains there are when buckets get some too", async () => {
    const db = openDatabase(":memory:");
    await initialTables.up(db);
    await routes.up(db);
    await db.schema.alterTable("custom_domains").addColumn("alias", "text").execute();
    await db.insertInto("accounts").values(account("a", "dev")).execute();
    await sql`insert into scripts (id, account_id, name, tag, created_on, modified_on, last_deployed_from, settings_json, enabled,
      previews_enabled, next_version_number) values ('s', 'a', 'app', '', '', '', '', '{}', 1, 1, 1)`.execute(db);
    const row = { id: "d", account_id: "a", hostname: "x.example.com", script_id: "s", created_on: "2026" };
    await db
      .insertInto("custom_domains")
      .values({ ...row, enabled: 1, previews_enabled: 0, alias: "next" })
      .execute();
    await bucketDomains.up(db);
    const kept = { ...row, zone_id: null, enabled: 1, previews_enabled: 0, alias: "next" };
    expect(await db.selectFrom("custom_domains").selectAll().execute()).toEqual([
      { ...kept, bucket_id: null, bucket_name: null, min_tls: null },
    ]);
    await db.deleteFrom("scripts").execute();
    expect(await db.selectFrom("custom_domains").selectAll().execute()).toEqual([]);
    await db.destroy();
  });

  it("refuse a database of a newer release", async () => {
    const db = openDatabase(":memory:");
    await migrate(db);
    const newer = { name: "9999-from-the-future", timestamp: "2099" };
    await db
      .insertInto("kysely_migration" as never)
      .values(newer as never)
      .execute();
    await expect(migrate(db)).rejects.toThrow(/newer Freehold.*\(9999-from-the-future\).*Update/);
    await expect(migrate(db)).rejects.toThrow(ConfigError);
    await db.destroy();
  });

  it("refuse a database that lacks one which others came after", async () => {
    const db = openDatabase(":memory:");
    await migrate(db);
    await db
      .deleteFrom("kysely_migration" as "settings")
      .where("name" as "key", "=", "0016-logpush")
      .execute();
    await expect(migrate(db)).rejects.toThrow(
      /between two releases: it has 00\d\d-[a-z]+, and not 0016-logpush.*backup/,
    );
    await expect(migrate(db)).rejects.toThrow(ConfigError);
    await db.destroy();
  });
});

describe("constraints", () => {
  it("keep names unique and rows with their owners", async () => {
    const db = openDatabase(":memory:");
    await migrate(db);
    await db.insertInto("accounts").values(account("a", "dev")).execute();
    await expect(db.insertInto("accounts").values(account("b", "dev")).execute()).rejects.toThrow("UNIQUE");

    const script = {
      ...{
        id: "s",
        account_id: "a",
        name: "hello",
        kind: "worker" as const,
        tag: "t",
        created_on: "x",
        modified_on: "x",
        last_deployed_from: "api",
      },
      ...{ migration_tag: null, enabled: 1, previews_enabled: 1, next_version_number: 1, settings_json: "{}" },
    };
    await db.insertInto("scripts").values(script).execute();
    await expect(
      db
        .insertInto("scripts")
        .values({ ...script, id: "s2" })
        .execute(),
    ).rejects.toThrow("UNIQUE");
    await expect(
      db
        .insertInto("scripts")
        .values({ ...script, id: "s3", account_id: "none" })
        .execute(),
    ).rejects.toThrow("FOREIGN KEY");

    const version = {
      ...{
        id: "v",
        script_id: "s",
        number: 1,
        created_on: "x",
        author_id: "x",
        author_email: "x",
        source: "api",
        etag: "x",
      },
      ...{ startup_time_ms: 1, annotations_json: "{}", record_json: "{}", metadata_json: "{}" },
    };
    await db.insertInto("versions").values(version).execute();
    await expect(
      db
        .insertInto("versions")
        .values({ ...version, id: "v2" })
        .execute(),
    ).rejects.toThrow("UNIQUE");
    const alias = { script_id: "s", alias: "main", version_id: "v", created_on: "x" };
    await db.insertInto("aliases").values(alias).execute();
    await expect(db.insertInto("aliases").values(alias).execute()).rejects.toThrow("UNIQUE");
    const deployment = { script_id: "s", created_on: "x", source: "api", author_email: "x", annotations_json: "{}" };
    await db
      .insertInto("deployments")
      .values([
        { ...deployment, id: "d1" },
        { ...deployment, id: "d2" },
      ])
      .execute();
    await db
      .insertInto("deployment_versions")
      .values({ deployment_id: "d1", position: 0, version_id: "v", percentage: 33.33 })
      .execute();
    expect(await db.selectFrom("deployments").select(["id", "sequence"]).orderBy("sequence").execute()).toEqual([
      { id: "d1", sequence: 1 },
      { id: "d2", sequence: 2 },
    ]);
    expect(await db.selectFrom("deployment_versions").select("percentage").execute()).toEqual([{ percentage: 33.33 }]);
    await expect(db.deleteFrom("versions").where("id", "=", "v").execute()).rejects.toThrow("FOREIGN KEY");

    await db.deleteFrom("scripts").where("id", "=", "s").execute();
    for (const table of ["versions", "deployments", "deployment_versions", "aliases"] as const) {
      expect(await db.selectFrom(table).selectAll().execute(), table).toEqual([]);
    }
    await db.destroy();
  });
});

describe("transactions", () => {
  it("roll back as a whole", async () => {
    const db = openDatabase(":memory:");
    await migrate(db);
    const failed = db.transaction().execute(async (tx) => {
      await tx.insertInto("accounts").values(account("a", "dev")).execute();
      throw new Error("changed my mind");
    });
    await expect(failed).rejects.toThrow("changed my mind");
    expect(await db.selectFrom("accounts").selectAll().execute()).toEqual([]);
    await db.destroy();
  });

  it("of two processes do not overwrite each other when they read first", async () => {
    const path = join(directory, "two.db");
    const db = openDatabase(path);
    await migrate(db);
    await db.insertInto("settings").values({ key: "count", value: "0" }).execute();
    const script = `
      import { openDatabase } from ${JSON.stringify(join(import.meta.dirname, "sqlite.ts"))};
      const db = openDatabase(${JSON.stringify(path)});
      for (let i = 0; i < 20; i++) await db.transaction().execute(async (tx) => {
        const { value } = await tx.selectFrom("settings").select("value").executeTakeFirstOrThrow();
        await tx.updateTable("settings").set({ value: String(Number(value) + 1) }).execute();
      });`;
    const run = async () => {
      const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", script], { stdio: "inherit" });
      return (await once(child, "exit"))[0];
    };
    expect(await Promise.all([run(), run()])).toEqual([0, 0]);
    expect(await db.selectFrom("settings").select("value").execute()).toEqual([{ value: "40" }]);
    await db.destroy();
  });
});

it("keeps what was committed, and nothing else, when the process is killed", async () => {
  const path = join(directory, "killed.db");
  const db = openDatabase(path);
  await migrate(db);
  await db.destroy();
  // Says each row once its write has returned, then stays in the middle of a transaction.
  const script = `
    import { openDatabase } from ${JSON.stringify(join(import.meta.dirname, "sqlite.ts"))};
    const db = openDatabase(${JSON.stringify(path)});
    for (let i = 0; i < 5; i++) {
      await db.insertInto("settings").values({ key: "row" + i, value: "x" }).execute();
      process.stdout.write("row" + i + "\\n");
    }
    await db.transaction().execute(async (tx) => {
      await tx.insertInto("settings").values({ key: "unfinished", value: "x" }).execute();
      process.stdout.write("open\\n");
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    });`;
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  for await (const chunk of child.stdout) {
    said += chunk;
    if (said.includes("open\n")) child.kill("SIGKILL");
  }
  const reopened = openDatabase(path);
  const keys = await reopened.selectFrom("settings").select("key").orderBy("key").execute();
  expect(keys.map((row) => row.key)).toEqual(["row0", "row1", "row2", "row3", "row4"]);
  await reopened.destroy();
});
