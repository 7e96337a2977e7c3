import { expect, test } from "vitest";
import { ChannelError } from "../lib/channel.ts";
import { RoleMembers } from "./members.ts";
import type { Role } from "./role.ts";

type Reply = unknown | Error;

/** A role whose process answers so; with `gone` it ends meanwhile. */
function role(name: Role["name"], reply: Reply, gone = false): Role {
  const fake = {
    name,
    channel: {
      async call() {
        if (gone) fake.channel = undefined as never;
        if (reply instanceof Error) throw reply;
        return reply;
      },
    },
  };
  return fake as unknown as Role;
}

const request = { instanceId: "i", versionId: "v", onlyIfIdle: true };
const lost = new ChannelError("the other process is gone");
const silent = new ChannelError("no answer");

test.each([
  ["all agree", [role("edge", { released: true }), role("services", { released: true })], true],
  ["one has requests in flight", [role("edge", { released: true }), role("edge", { released: false })], false],
  ["one ends meanwhile", [role("edge", lost, true), role("edge", { released: true })], true],
  ["one does not answer", [role("edge", silent), role("edge", { released: true })], false],
  ["control has an event in flight", [role("edge", { released: true }), role("control", { released: false })], false],
])("release when %s", async (_case, roles, released) => {
  expect(await new RoleMembers(() => roles).release(request)).toBe(released);
});

test("requests in flight are summed over those that answer", async () => {
  const roles = [role("edge", { count: 2 }), role("edge", { count: 3 }), role("services", lost, true)];
  expect(await new RoleMembers(() => roles).inFlight("i")).toBe(5);
});

test("nothing rejects when processes are gone", async () => {
  const members = new RoleMembers(() => [role("edge", lost), role("services", lost)]);
  await members.routes(1);
  await members.attach({ instanceId: "i", versionId: "v", accountId: "a", directory: "/d", links: [] });
  members.detach("i");
  members.gone({ instanceId: "i", versionId: "v", cause: "crash" });
});
