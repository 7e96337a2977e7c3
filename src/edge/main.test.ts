import { fork } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { configEnvironment, readConfig } from "../domain/config.ts";
import type { MemberCalls, SupervisorCalls } from "../domain/messages.ts";
import { paths } from "../domain/paths.ts";
import { Channel } from "../lib/channel.ts";
import { Cleanup, RawClient } from "../lib/http/testing.ts";
import { address, script, snapshot, startServer } from "./testing.ts";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const entry = fileURLToPath(new URL("../main.ts", import.meta.url));

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const { createServer } = await import("node:net");
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const bound = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return typeof bound === "object" && bound ? bound.port : 0;
}

async function startRole() {
  const directory = await cleanup.directory();
  const config = readConfig({ FREEHOLD_DATA: directory, FREEHOLD_EDGES: "2" }, 2);
  config.port = await freePort();
  await mkdir(config.runDir, { recursive: true });
  const runner = join(directory, "http.sock");
  await startServer(cleanup, runner, true, (request, response) => {
    response.write("begin ");
    request.on("end", () => response.end("end"));
    request.resume();
  });
  const files = paths(config);
  await writeFile(files.routes, JSON.stringify(snapshot(script("hello"))));

  const child = fork(entry, ["role:edge"], { env: { ...process.env, ...configEnvironment(config) } });
  cleanup.add(() => child.kill("SIGKILL"));
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const channel = new Channel<MemberCalls, SupervisorCalls>(child);
  const verdicts: string[] = [];
  channel.handle("acquire", ({ versionId }) => address(versionId, runner, `i-${versionId}`));
  channel.handle("verdict", ({ instanceId }) => {
    verdicts.push(instanceId);
    return { cause: "none" };
  });
  await new Promise<void>((resolve) => {
    channel.handle("ready", () => {
      resolve();
      return {};
    });
  });
  const client = () => {
    const raw = new RawClient({ port: config.port });
    cleanup.add(() => raw.socket.destroy());
    return raw;
  };
  return { child, channel, exited, client, files };
}

const HOST = "Host: hello.acc.localhost\r\n";

test("serves once ready, follows routes, releases runners, drains and exits", async () => {
  const { channel, exited, client, files } = await startRole();
  await client().send(`GET / HTTP/1.1\r\n${HOST}\r\n`).has("end");

  const renamed = client();
  const request = "GET / HTTP/1.1\r\nHost: other.acc.localhost\r\n\r\n";
  await renamed.send(request).has("error 1042");
  await writeFile(files.routes, JSON.stringify(snapshot(script("hello"), script("other"))));
  await channel.call("routes", { generation: 2 });
  await renamed.send(request).has("end");

  const busy = client().send(`POST / HTTP/1.1\r\n${HOST}Content-Length: 2\r\n\r\nx`);
  await busy.has("begin");
  const release = { instanceId: "i-hello-v1", versionId: "hello-v1", onlyIfIdle: true };
  expect(await channel.call("release", release)).toEqual({ released: false });
  expect(await channel.call("drain", {})).toEqual({});
  await renamed.toEnd();
  expect(busy.ended).toBe(false);
  await busy.send("y").has("end");
  await busy.toEnd();
  busy.socket.end();
  renamed.socket.end();
  expect(await exited).toBe(0);
});

test("ends with its supervisor", async () => {
  const { child, exited } = await startRole();
  child.disconnect();
  expect(await exited).toBe(1);
});
