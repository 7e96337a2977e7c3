import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { blobPath } from "../store/blobs.ts";
import type { LaunchPlan } from "../workerd/plan.ts";
import { makeInstance, publishSockets, removeConfig, removeInstance, writeInstance } from "./instance-files.ts";

let root: string;
let instance: string;
let blobs: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "fh-inst-"));
  instance = join(root, "i");
  blobs = join(root, "blobs");
  makeInstance(instance);
});
afterEach(() => rmSync(root, { recursive: true }));

const key = "ab".repeat(32);
const plan = (files: LaunchPlan["files"]): LaunchPlan => ({
  config: "secret",
  files,
  arguments: [],
  links: [],
  state: [],
  events: false,
  traced: false,
  sockets: 1,
});

function storeBlob(content: string): void {
  mkdirSync(join(blobPath(blobs, key), ".."), { recursive: true });
  writeFileSync(blobPath(blobs, key), content);
}

test("writes a plan: blobs are linked, never changed, and the config can be taken away", async () => {
  storeBlob("code");
  await writeInstance(
    instance,
    plan([
      { path: "m/0", content: { blob: key } },
      { path: "m/1", content: { text: "text" } },
      { path: "m/2", content: { base: key, suffix: "+more" } },
    ]),
    blobs,
  );
  const file = (path: string) => join(instance, "app", path);
  expect(["m/0", "m/1", "m/2"].map((path) => readFileSync(file(path), "utf8"))).toEqual(["code", "text", "code+more"]);
  expect(readFileSync(blobPath(blobs, key), "utf8")).toBe("code");
  expect(statSync(file("m/0")).ino).toBe(statSync(blobPath(blobs, key)).ino);
  expect(statSync(file("config.capnp")).mode & 0o777).toBe(0o600);
  expect(statSync(join(instance, "in")).mode & 0o777).toBe(0o700);
  removeConfig(instance);
  expect(readdirSync(join(instance, "app"))).toEqual(["m"]);
  await removeInstance(instance);
  expect(existsSync(instance)).toBe(false);
  expect(existsSync(blobPath(blobs, key))).toBe(true);
});

test("a missing blob is an error", async () => {
  await expect(writeInstance(instance, plan([{ path: "m", content: { blob: key } }]), blobs)).rejects.toThrow("ENOENT");
});

test("publishes sockets that appear late", async () => {
  const published = publishSockets(instance, ["late.sock"]);
  const server = createServer().listen(join(instance, "in", "late.sock"));
  await once(server, "listening");
  await published;
  expect(statSync(join(instance, "late.sock")).isSocket()).toBe(true);
  server.close();
});

test("what a runner puts in a socket's place is refused", async () => {
  symlinkSync("/run/other.sock", join(instance, "in", "http.sock"));
  await expect(publishSockets(instance, ["http.sock"])).rejects.toThrow("http.sock, but it is no socket");
});
