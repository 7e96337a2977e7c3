/** The `sql` port over a real PostgreSQL: what `sqlite.test.ts` asks of the embedded one. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { migrate } from "./migrations/index.ts";
import { type PostgresClient, postgresDatabase } from "./postgres.ts";
import { openDatabase } from "./sqlite.ts";
import { postgresMissing, TestPostgres } from "./testing-postgres.ts";

const missing = postgresMissing();
if (missing) console.log(`The platform's schema on PostgreSQL is not tested: ${missing}`);

describe.skipIf(missing !== undefined)("PostgreSQL", () => {
  let server: TestPostgres;
  let admin: PostgresClient;
  beforeAll(async () => {
    server = await TestPostgres.start();
    admin = server.connect();
  }, 120_000);
  afterAll(async () => {
    await admin?.close();
    await server?.stop();
  }, 120_000);

  let client: PostgresClient;
  let opened = 0;
  beforeEach(async () => {
    const name = `test_${opened++}`;
    await admin.query(`create database ${name}`, []);
    client = server.connect(name);
  });
  afterEach(() => client.close());

  const account = (id: string, subdomain: string) => ({ id, subdomain, name: "n", created_on: "2026-01-01T00:00:00Z" });

  it("gives every kind of value back", async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index).subarray(3);
    const [row] = await client.query(
      "select $1::bytea, $2::bigint, $3::text, $4::text, $5::bytea[], $6::text[], count(*), $7::float8",
      [bytes, 2 ** 52, "ü\u{1f600}\"'\\", null, [bytes, null], ['a"\\,{}', null, ""], 0.25],
    );
    const back = Buffer.from(bytes);
    const text = "ü\u{1f600}\"'\\";
    expect(row).toEqual([back, 2 ** 52, text, null, [back, null], ['a"\\,{}', null, ""], 1, 0.25]);
  });

  it("says what is wrong, and goes on after its connections were ended", async () => {
    await expect(client.query("select nothing", [])).rejects.toThrow("nothing");
    await admin.query("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", [
      `test_${opened - 1}`,
    ]);
    await expect.poll(() => client.query("select 1", []).catch(() => undefined)).toEqual([[1]]);
  });

  it("takes the migrations once, and has the tables and columns that SQLite has", async () => {
    const db = postgresDatabase(client);
    await migrate(db);
    await db.insertInto("accounts").values(account("a", "dev")).execute();
    await migrate(db);
    expect(await db.selectFrom("accounts").select("id").execute()).toEqual([{ id: "a" }]);

    const sqlite = openDatabase(":memory:");
    await migrate(sqlite);
    const shape = async (tables: { name: string; columns: { name: string; isNullable: boolean }[] }[]) =>
      tables
        .map(({ name, columns }) => [name, columns.map((column) => column.name).sort()] as const)
        .sort(([one], [other]) => (one < other ? -1 : 1));
    expect(await shape(await db.introspection.getTables())).toEqual(
      await shape(await sqlite.introspection.getTables()),
    );
    await sqlite.destroy();
  });

  it("keeps names unique, counts up, and removes rows with their owners", async () => {
    const db = postgresDatabase(client);
    await migrate(db);
    await db.insertInto("accounts").values(account("a", "dev")).execute();
    await expect(db.insertInto("accounts").values(account("b", "dev")).execute()).rejects.toThrow("unique");
    const event = { account_id: "a", at: "x", token_id: "t", actor: "me", action: "x", target: "y", detail_json: "{}" };
    for (let i = 0; i < 2; i++) await db.insertInto("audit_events").values(event).execute();
    const ids = await db.selectFrom("audit_events").select("id").orderBy("id").execute();
    expect(ids).toEqual([{ id: 1 }, { id: 2 }]);
    const token = { id: "t", account_id: "a", name: "n", scope: "read", hash: "h", created_on: "x", revoked_on: null };
    await db.insertInto("tokens").values(token).execute();
    await db.deleteFrom("accounts").execute();
    expect(await db.selectFrom("tokens").selectAll().execute()).toEqual([]);
  });

  it("rolls a transaction back as a whole", async () => {
    const db = postgresDatabase(client);
    await migrate(db);
    const failed = db.transaction().execute(async (tx) => {
      await tx.insertInto("accounts").values(account("a", "dev")).execute();
      throw new Error("changed my mind");
    });
    await expect(failed).rejects.toThrow("changed my mind");
    expect(await db.selectFrom("accounts").selectAll().execute()).toEqual([]);
  });

  it("runs transactions that read before they write one after the other", async () => {
    const db = postgresDatabase(client);
    await migrate(db);
    await db.insertInto("settings").values({ key: "count", value: "0" }).execute();
    const countUp = () =>
      db.transaction().execute(async (tx) => {
        const { value } = await tx.selectFrom("settings").select("value").executeTakeFirstOrThrow();
        await tx
          .updateTable("settings")
          .set({ value: String(Number(value) + 1) })
          .execute();
      });
    await Promise.all(Array.from({ length: 40 }, countUp));
    expect(await db.selectFrom("settings").select("value").execute()).toEqual([{ value: "40" }]);
  });
});
