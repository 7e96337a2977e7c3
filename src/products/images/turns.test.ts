import { expect, test } from "vitest";
import { MAX_AT_ONCE, MAX_AT_ONCE_OF_ACCOUNT, MAX_WAITING_OF_ACCOUNT } from "./limits.ts";
import { Turns } from "./turns.ts";

/** Takes a turn and tells when it has come. */
function taker(turns: Turns, log: string[]) {
  return (accountId: string) =>
    turns.take(accountId).then((end) => {
      log.push(accountId);
      return end;
    });
}

test("an account with many calls leaves room for the others", async () => {
  const log: string[] = [];
  const take = taker(new Turns(), log);
  const ends = await Promise.all(Array.from({ length: MAX_AT_ONCE_OF_ACCOUNT }, () => take("a")));
  const waiting = take("a");
  await take("b");
  expect(log).toEqual([...ends.map(() => "a"), "b"]);
  ends[0]?.();
  await waiting;
  expect(log.at(-1)).toBe("a");
});

test("all accounts together have so many, and those that wait come in order", async () => {
  const log: string[] = [];
  const take = taker(new Turns(), log);
  const ends = await Promise.all(Array.from({ length: MAX_AT_ONCE }, (_, n) => take(`a${n}`)));
  const waiting = ["b", "c"].map(take);
  ends[3]?.();
  await waiting[0];
  expect(log.slice(MAX_AT_ONCE)).toEqual(["b"]);
  ends[5]?.();
  await waiting[1];
  expect(log.slice(MAX_AT_ONCE)).toEqual(["b", "c"]);
});

test("refuses when too many of an account wait", async () => {
  const turns = new Turns();
  for (let n = 0; n < MAX_AT_ONCE_OF_ACCOUNT; n++) await turns.take("a");
  for (let n = 0; n < MAX_WAITING_OF_ACCOUNT; n++) void turns.take("a");
  await expect(turns.take("a")).rejects.toMatchObject({ code: 9523 });
  await turns.take("b");
});
