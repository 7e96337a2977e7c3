import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { CommandError } from "../command.ts";
import { listRemote, readRemote, remoteAccount } from "./remote.ts";
import { sourceOf } from "./source.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A platform that answers every request so. */
async function remote(status: number, body: unknown, headers: Record<string, string> = {}) {
  const asked: { url: string | undefined; token: string | undefined }[] = [];
  const server = createServer((request, response) => {
    asked.push({ url: request.url, token: request.headers.authorization });
    response.writeHead(status, headers).end(typeof body === "string" ? body : JSON.stringify(body));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { asked, account: remoteAccount("acc", `http://127.0.0.1:${port}/client/v4/`, "the-token") };
}

test("reads below the account, with the token", async () => {
  const { asked, account } = await remote(200, { success: true, result: [1] });
  expect(await readRemote(account, "/pages/projects", "projects")).toEqual([1]);
  expect(await listRemote(account, "/x", "things", 2)).toEqual([1]);
  expect(asked).toEqual([
    { url: "/client/v4/accounts/acc/pages/projects", token: "Bearer the-token" },
    { url: "/client/v4/accounts/acc/x?page=1&per_page=2", token: "Bearer the-token" },
  ]);
});

const failed = (code: number, message: string) => ({ success: false, result: null, errors: [{ code, message }] });

test.each<[number, unknown, Record<string, string>, RegExp]>([
  [
    401,
    failed(10000, "Authentication error"),
    {},
    /FREEHOLD_IMPORT_TOKEN is not valid there\.\nAuthentication error \[code: 10000\]/,
  ],
  [403, failed(10000, "Forbidden"), {}, /may not read it; give it that permission for the account acc/],
  [
    404,
    failed(8000007, "Project not found"),
    {},
    /did not give the project: there is no such thing in the account acc/,
  ],
  [429, "slow down", { "retry-after": "17" }, /takes no more requests for now; try again in 17 seconds/],
  [500, "<html>", {}, /it answered 500/],
  [200, "<html>", {}, /it answered 200/],
  [302, "", { location: "http://elsewhere.example/" }, /does not answer/],
])("says what %i means", async (status, body, headers, words) => {
  const { account } = await remote(status, body, headers);
  await expect(readRemote(account, "/x", "the project")).rejects.toThrow(words);
});

test("says that nobody answers", async () => {
  const { account } = await remote(200, {});
  servers.splice(0).map((server) => server.close());
  await expect(readRemote(account, "/x", "the project")).rejects.toThrow(/does not answer \(ECONNREFUSED\)/);
});

test.each([
  ["https://api.example/client/v4", undefined, /FREEHOLD_IMPORT_TOKEN is not set/],
  ["http://api.example/client/v4", "t", /without TLS/],
  ["api.example", "t", /is no address/],
  ["file:///etc", "t", /is no address/],
])("does not send the token to %s", (url, token, words) => {
  expect(() => remoteAccount("acc", url, token)).toThrow(words);
});

test("reads on for as long as there are pages, however many a page has", async () => {
  const { asked, account } = await remote(200, { success: true, result: [1], result_info: { total_pages: 3 } });
  expect(await listRemote(account, "/x", "things", 20)).toEqual([1, 1, 1]);
  expect(asked).toHaveLength(3);
});

test("what it says stays on lines of its own, and steers no terminal", async () => {
  const { account } = await remote(400, failed(1, "no\n+ the project shop is made\u001b[2J"));
  await expect(readRemote(account, "/x", "the project")).rejects.toThrow(/no�\+ the project shop is made�\[2J/);
});

test.each([
  ["no list", null],
  ["another project", { name: "other" }],
  ["no project", []],
])("does not import %s", async (_what, result) => {
  const { account } = await remote(200, { success: true, result });
  await expect(listRemote(account, "/x", "things", 20).then(() => sourceOf(account, "shop"))).rejects.toThrow(
    CommandError,
  );
});

test("of another Freehold, what is beside the settings stays there and is told of", async () => {
  const script = "pages-worker--shop";
  const answers: Record<string, unknown> = {
    "/pages/projects/shop": { name: "shop", production_branch: "main", production_script_name: script },
    "/pages/projects/shop/domains": [],
    "/pages/projects/shop/aliases": [
      { alias: "main", branch: "main", custom: false },
      { alias: "staging", branch: "dev", custom: true },
    ],
    [`/workers/scripts/${script}/schedules`]: { schedules: [{ cron: "0 4 * * *" }] },
    "/queues": [{ queue_name: "orders", consumers: [{ script }] }, { queue_name: "others" }],
  };
  const server = createServer((request, response) => {
    const path = request.url?.replace("/client/v4/accounts/acc", "").replace(/\?.*/, "") ?? "";
    response.end(JSON.stringify({ success: true, result: answers[path] ?? null }));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const { unread } = await sourceOf(remoteAccount("acc", `http://127.0.0.1:${port}/client/v4`, "t"), "shop");
  expect(unread).toEqual([
    'The alias staging of the branch "dev" is left out: set it here again.',
    'The cron trigger "0 4 * * *" is left out: set it here again.',
    "The project consumes the queue orders there: add the consumer here again.",
  ]);
});
