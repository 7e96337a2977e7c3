import { request } from "node:https";
import { expect, test } from "vitest";
import { GuardedAgent, ReachableAddresses } from "./guarded-agent.ts";

const none = new ReachableAddresses([]);

test.each([
  ["1.1.1.1", true],
  ["2606:4700::1111", true],
  ["127.0.0.1", false],
  ["10.1.2.3", false],
  ["169.254.169.254", false],
  ["0.0.0.0", false],
  ["168.63.129.16", false],
  ["::1", false],
  ["::", false],
  ["fd00::1", false],
  ["fe80::1", false],
  ["::ffff:10.0.0.1", false],
  ["::ffff:7f00:1", false],
  ["::ffff:1.1.1.1", true],
  ["64:ff9b::7f00:1", false],
  ["name", false],
])("%s may be reached: %j", (address, expected) => {
  expect(none.has(address)).toBe(expected);
});

test("private addresses that the operator allows may be reached, and no others", () => {
  const some = new ReachableAddresses(["10.0.0.0/8", "fd00::/16"]);
  expect(some.has("10.1.2.3")).toBe(true);
  expect(some.has("::ffff:10.1.2.3")).toBe(true);
  expect(some.has("fd00::1")).toBe(true);
  expect(some.has("192.168.0.1")).toBe(false);
});

const failure = (url: string) =>
  new Promise<Error>((resolve) => {
    const sent = request(url, { agent: new GuardedAgent(none) });
    sent.on("error", resolve);
    sent.on("response", () => resolve(new Error("answered")));
    sent.end();
  });

test.each(["https://127.0.0.1:1/", "https://[::1]:1/", "https://localhost:1/", "https://2130706433:1/"])(
  "nothing is sent to %s",
  async (url) => {
    expect((await failure(url)).message).toMatch(/is no public address/);
  },
);

test("where a name leads inside is not told", async () => {
  expect((await failure("https://localhost:1/")).message).not.toMatch(/127\.0\.0\.1|::1/);
});
