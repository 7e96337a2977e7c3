/** What every driver of the rows does. */
import { expect, test } from "vitest";
import { describeRows, postgresDriver, type RowsDriver, sqliteDriver } from "../../store/testing-drivers.ts";
import { PostgresRows, preparePostgres } from "./postgres-rows.ts";
import { type LeaseRequest, type NewMessage, type QueueRows, UNTIL_SETTLED } from "./rows.ts";
import { SqliteRows } from "./sqlite-rows.ts";

const drivers: RowsDriver<QueueRows>[] = [
  sqliteDriver((path) => new SqliteRows(path)),
  postgresDriver(preparePostgres, (client, id) => new PostgresRows(client, id)),
];

const T = 1_800_000_000_000;

let made = 0;
const message = (text: string, parts: Partial<NewMessage> = {}): NewMessage => ({
  id: (++made).toString(16).padStart(32, "0"),
  sentMs: T,
  contentType: "text",
  body: Buffer.from(text),
  visibleMs: T,
  ...parts,
});
const request = (parts: Partial<LeaseRequest> = {}): LeaseRequest => ({
  nowMs: T,
  untilMs: UNTIL_SETTLED,
  maxMessages: 10,
  maxBytes: 1_000_000,
  ...parts,
});
const texts = (messages: { body: Uint8Array }[]) => messages.map(({ body }) => Buffer.from(body).toString());

describeRows("Queue rows", drivers, (opened) => {
  test("a message is handed out as it came, once, with its number of deliveries", async () => {
    const body = Uint8Array.from({ length: 256 }, (_, index) => index);
    const sent = message("", { body, contentType: "v8", sentMs: T - 5 });
    await opened.rows.add([sent]);
    const [got, ...more] = await opened.rows.lease(request());
    expect(more).toEqual([]);
    expect({ ...got, body: [...(got?.body ?? [])] }).toEqual({
      seq: got?.seq,
      id: sent.id,
      sentMs: T - 5,
      contentType: "v8",
      body: [...body],
      attempts: 1,
    });
    expect(await opened.rows.lease(request())).toEqual([]);
  });

  test("messages come in the order in which they became visible", async () => {
    await opened.rows.add([message("c", { visibleMs: T - 1 }), message("d"), message("later", { visibleMs: T + 1 })]);
    await opened.rows.add([message("a", { visibleMs: T - 2 }), message("b", { visibleMs: T - 2 }), message("e")]);
    expect(texts(await opened.rows.lease(request({ maxMessages: 4 })))).toEqual(["a", "b", "c", "d"]);
    expect(texts(await opened.rows.lease(request()))).toEqual(["e"]);
    expect(texts(await opened.rows.lease(request({ nowMs: T + 1 })))).toEqual(["later"]);
  });

  test("a lease takes so many bytes, but at least one message", async () => {
    await opened.rows.add(["xxxx", "xxx", "xx", "x"].map((text) => message(text)));
    expect(texts(await opened.rows.lease(request({ maxBytes: 2 })))).toEqual(["xxxx"]);
    expect(texts(await opened.rows.lease(request({ maxBytes: 5 })))).toEqual(["xxx", "xx"]);
    expect(texts(await opened.rows.lease(request({ maxBytes: 5 })))).toEqual(["x"]);
  });

  test("what waits and what comes next is known", async () => {
    expect(await opened.rows.waiting(T, 1)).toEqual({ sinceMs: undefined, many: false });
    expect(await opened.rows.nextVisibleMs(T)).toBeUndefined();
    await opened.rows.add([message("a", { visibleMs: T - 9 }), message("b"), message("c", { visibleMs: T + 7 })]);
    expect(await opened.rows.waiting(T, 2)).toEqual({ sinceMs: T - 9, many: true });
    expect(await opened.rows.waiting(T, 3)).toMatchObject({ many: false });
    expect(await opened.rows.nextVisibleMs(T)).toBe(T + 7);
    await opened.rows.lease(request({ nowMs: T + 7 }));
    expect(await opened.rows.nextVisibleMs(T)).toBeUndefined();
  });

  test("an acknowledged message is gone; the same receipt again does nothing", async () => {
    await opened.rows.add([message("a"), message("b")]);
    const [a] = await opened.rows.lease(request({ maxMessages: 1 }));
    if (!a) throw new Error("nothing was leased");
    expect(await opened.rows.settle([a], [])).toEqual({ acked: 1, putOff: 0 });
    expect(await opened.rows.settle([a], [{ ...a, visibleMs: T }])).toEqual({ acked: 0, putOff: 0 });
    expect(await opened.rows.backlog()).toMatchObject({ count: 1, bytes: 1 });
  });

  test("a message that is put off comes again later, with one more delivery", async () => {
    await opened.rows.add([message("a")]);
    const [first] = await opened.rows.lease(request());
    if (!first) throw new Error("nothing was leased");
    expect(await opened.rows.settle([], [{ ...first, visibleMs: T + 5 }])).toEqual({ acked: 0, putOff: 1 });
    expect(await opened.rows.lease(request({ nowMs: T + 4 }))).toEqual([]);
    const [second] = await opened.rows.lease(request({ nowMs: T + 5 }));
    expect(second).toMatchObject({ seq: first.seq, id: first.id, attempts: 2 });
    // An old delivery has no say any more, but may still acknowledge.
    expect(await opened.rows.settle([], [{ ...first, visibleMs: T }])).toEqual({ acked: 0, putOff: 0 });
    expect(await opened.rows.settle([first], [])).toEqual({ acked: 1, putOff: 0 });
  });

  test("a delivery that did not begin does not count", async () => {
    await opened.rows.add([message("a")]);
    const [first] = await opened.rows.lease(request());
    if (!first) throw new Error("nothing was leased");
    await opened.rows.settle([], [{ ...first, visibleMs: T, undelivered: true }]);
    expect(await opened.rows.lease(request())).toMatchObject([{ attempts: 1 }]);
  });

  test("a lease ends by time, or when its holder is no more", async () => {
    await opened.rows.add([message("timed"), message("held")]);
    await opened.rows.lease(request({ maxMessages: 1, untilMs: T + 10 }));
    await opened.rows.lease(request());
    expect(await opened.rows.nextVisibleMs(T)).toBe(T + 10);
    await opened.reopen();
    expect(await opened.rows.lease(request())).toEqual([]);
    await opened.rows.releaseHeld(T);
    expect(await opened.rows.lease(request())).toMatchObject([{ attempts: 2, contentType: "text" }]);
    expect(texts(await opened.rows.lease(request({ nowMs: T + 10 })))).toEqual(["timed"]);
  });

  test("the backlog counts what is not acknowledged, also after it is opened anew", async () => {
    expect(await opened.rows.backlog()).toEqual({ count: 0, bytes: 0, oldestMs: 0 });
    await opened.rows.add([message("abc", { sentMs: T - 3 }), message("de", { visibleMs: T + 1 })]);
    await opened.rows.lease(request());
    expect(await opened.rows.backlog()).toEqual({ count: 2, bytes: 5, oldestMs: T - 3 });
    await opened.reopen();
    expect(await opened.rows.backlog()).toEqual({ count: 2, bytes: 5, oldestMs: T - 3 });
    await opened.rows.purge();
    expect(await opened.rows.backlog()).toEqual({ count: 0, bytes: 0, oldestMs: 0 });
  });

  test("old messages go, so many at a time", async () => {
    await opened.rows.add(Array.from({ length: 5 }, () => message("old")));
    expect(await opened.rows.expire(Date.now() - 60_000, 10)).toBe(0);
    const later = Date.now() + 60_000;
    expect(await opened.rows.expire(later, 3)).toBe(3);
    expect(await opened.rows.backlog()).toMatchObject({ count: 2, bytes: 6 });
    expect(await opened.rows.expire(later, 3)).toBe(2);
  });

  test("numbers are not used again", async () => {
    await opened.rows.add([message("a")]);
    const [a] = await opened.rows.lease(request());
    await opened.rows.purge();
    await opened.reopen();
    await opened.rows.add([message("b")]);
    const [b] = await opened.rows.lease(request());
    expect(b?.seq).toBeGreaterThan(a?.seq ?? Number.POSITIVE_INFINITY);
  });

  test("sends at the same time all take effect, whole or not at all", async () => {
    const broken = { ...message("x"), sentMs: "never" as unknown as number };
    await Promise.all(Array.from({ length: 50 }, () => opened.rows.add([message("a"), message("b")])));
    await expect(opened.rows.add([message("a"), { ...broken, body: null as unknown as Uint8Array }])).rejects.toThrow();
    expect(await opened.rows.backlog()).toMatchObject({ count: 100 });
  });
});
