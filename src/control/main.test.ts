import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CONFIG_EXIT_CODE, readConfig } from "../domain/config.ts";
import type { MemberCalls, SupervisorCalls } from "../domain/messages.ts";
import { paths } from "../domain/paths.ts";
import { Channel } from "../lib/channel.ts";

let dataDir: string;
let files: ReturnType<typeof paths>;
const children: ChildProcess[] = [];
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "freehold-control-"));
  files = paths(readConfig({ FREEHOLD_DATA: dataDir }, 1));
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  rmSync(dataDir, { recursive: true, force: true });
});

interface Control {
  child: ChildProcess;
  channel: Channel<MemberCalls, SupervisorCalls>;
  /** Generations that it published. */
  published: number[];
}

/** Starts the control role as the supervisor does; resolves when it says that it is ready. */
async function start(publish: () => Promise<void> = async () => {}): Promise<Control> {
  const child = fork(join(import.meta.dirname, "..", "main.ts"), ["role:control"], {
    env: { ...process.env, FREEHOLD_DATA: dataDir, FREEHOLD_PORT: "8787" },
  });
  children.push(child);
  const channel = new Channel<MemberCalls, SupervisorCalls>(child);
  const published: number[] = [];
  channel.handle("publish", async ({ generation }) => {
    published.push(generation);
    await publish();
    return {};
  });
  const ready = new Promise<void>((resolve) => {
    channel.handle("ready", () => {
      resolve();
      return {};
    });
  });
  await Promise.race([ready, once(child, "exit").then(() => Promise.reject(new Error("it ended")))]);
  return { child, channel, published };
}

const token = () => parseEnv(readFileSync(files.wranglerEnv, "utf8")).CLOUDFLARE_API_TOKEN ?? "";
const account = () => parseEnv(readFileSync(files.wranglerEnv, "utf8")).CLOUDFLARE_ACCOUNT_ID ?? "";

async function call(
  method: string,
  path: string,
  body?: unknown,
  bearer = token(),
): Promise<{ status: number; text: string }> {
  const outgoing = request({
    ...{ socketPath: files.controlSocket, method, path },
    headers: { host: "localhost:8787", authorization: `Bearer ${bearer}` },
  });
  outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  const [incoming] = await once(outgoing, "response");
  let text = "";
  for await (const chunk of incoming) text += chunk;
  return { status: incoming.statusCode, text };
}

describe("the control role", () => {
  it("is ready with its files made, its socket private and the routes published", async () => {
    const { published } = await start();
    expect(published).toEqual([1]);
    expect(JSON.parse(readFileSync(files.routes, "utf8"))).toMatchObject({
      generation: 1,
      accounts: [{ id: account() }],
    });
    for (const file of [files.database, files.masterKey, files.wranglerEnv, files.tls.key, files.controlSocket]) {
      expect(statSync(file).mode & 0o077, file).toBe(0);
    }
    expect(await call("GET", "/ready")).toEqual({ status: 200, text: "ready\n" });
    expect(JSON.parse((await call("GET", "/client/v4/accounts")).text).result).toMatchObject([{ id: account() }]);
  });

  it("keeps what it answered for when it is killed, and takes over its own stale socket", async () => {
    const first = await start();
    const made = JSON.parse(
      (await call("POST", `/client/v4/accounts/${account()}/tokens`, { name: "x", scope: "read" })).text,
    );
    first.child.kill("SIGKILL");
    await once(first.child, "exit");
    expect(existsSync(files.controlSocket)).toBe(true);

    const second = await start();
    expect(second.published).toEqual([2]);
    expect((await call("GET", "/client/v4/user", undefined, made.result.value)).status).toBe(200);
    const { result } = JSON.parse((await call("GET", `/client/v4/accounts/${account()}/audit_logs`)).text);
    expect(result).toMatchObject([{ action: { type: "token.create" }, resource: { id: made.result.id } }]);
  });

  it("finishes what is in flight when it drains, then ends", async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let publications = 0;
    let reached = () => {};
    const publishing = new Promise<void>((resolve) => {
      reached = resolve;
    });
    const { child, channel } = await start(async () => {
      if (++publications < 2) return;
      reached();
      await held;
    });
    const rename = call("PUT", `/client/v4/accounts/${account()}/workers/subdomain`, { subdomain: "team" });
    await publishing;
    const exit = once(child, "exit");
    await channel.call("drain", {});
    await expect(once(connect(files.controlSocket), "connect")).rejects.toThrow("connect");
    release();
    expect(JSON.parse((await rename).text).result).toEqual({ subdomain: "team.localhost:8787/#" });
    expect(await exit).toEqual([0, null]);
  });

  it("ends with its supervisor", async () => {
    const { child } = await start();
    const exit = once(child, "exit");
    child.disconnect();
    expect(await exit).toEqual([0, null]);
  });

  it("stays through Ctrl-C, which the supervisor answers, and ends on SIGTERM", async () => {
    const { child } = await start();
    const exit = once(child, "exit");
    child.kill("SIGINT");
    expect((await call("GET", "/ready")).status).toBe(200);
    child.kill("SIGTERM");
    expect(await exit).toEqual([0, null]);
  });

  it("says in its last line why it cannot start", async () => {
    const { child } = await start();
    child.kill("SIGTERM");
    await once(child, "exit");
    rmSync(files.masterKey);
    const failing = fork(join(import.meta.dirname, "..", "main.ts"), ["role:control"], {
      env: { ...process.env, FREEHOLD_DATA: dataDir },
      stdio: ["ignore", "inherit", "pipe", "ipc"],
    });
    children.push(failing);
    let said = "";
    failing.stderr?.on("data", (chunk) => {
      said += chunk;
    });
    // Only a person can mend it: nobody starts it again by itself.
    expect(await once(failing, "close")).toEqual([CONFIG_EXIT_CODE, null]);
    expect(said.trim().split("\n").at(-1)).toContain("master.key is missing");
  });

  it("serves the API while the routes cannot be published, and says that it is not ready", async () => {
    const { published } = await start(() => Promise.reject(new Error("an edge hangs")));
    expect(published).toEqual([1]);
    expect((await call("GET", "/ready")).status).toBe(503);
    expect((await call("GET", "/client/v4/user")).status).toBe(200);
  });
});
