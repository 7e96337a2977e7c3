/** Live logs with the real client, and stacks of the sources in them. */
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { killProcess } from "./harness/platform.ts";
import type { Child } from "./harness/processes.ts";
import { Project } from "./harness/project.ts";
import { RawWebSocket } from "./harness/raw-socket.ts";
import { usePlatform } from "./harness/suite.ts";

const timeoutMs = 60_000;
const platform = usePlatform();
const app = new Project("tail-app");
const site = new Project("tail-site");

afterAll(() => {
  app[Symbol.dispose]();
  site[Symbol.dispose]();
});

interface Message {
  outcome: string;
  scriptName: string;
  scriptVersion: { id: string };
  event: { request?: { url: string; method: string; headers: Record<string, string> }; cron?: string };
  logs: { level: string; message: unknown[]; errorInfo?: { stack: string }[] }[];
  exceptions: { name: string; message: string; stack: string }[];
}

/** Runs the client until the test is over, whatever comes of it: what counts sessions must meet none of it. */
function start(project: Project, ...args: string[]): Child {
  const child = platform().startWrangler(project.directory, args);
  onTestFinished(async () => void (await interrupt(child)));
  return child;
}

/** As Ctrl-C does. */
async function interrupt(child: Child) {
  if (child.running) child.process.kill("SIGINT");
  return child.end(20_000);
}

/** What the client has printed as JSON; each message begins and ends with a brace of its own line. */
const printed = (child: Child) =>
  [...child.output.matchAll(/^\{$[\s\S]*?^\}$/gm)].map(([text]) => JSON.parse(text) as Message);

async function message(child: Child, wanted: (message: Message) => boolean): Promise<Message> {
  let found: Message | undefined;
  await expect
    .poll(() => (found = printed(child).find(wanted)), { timeout: 30_000 })
    .toBeDefined()
    .catch((error: unknown) => {
      throw new Error(`not printed:\n${child.output}`, { cause: error });
    });
  return found as Message;
}

const ofPath = (path: string) => (one: Message) => new URL(one.event.request?.url ?? "x:").pathname === path;
const tails = (script: string) => `/workers/scripts/${script}/tails`;
const sessions = async (script: string) => (await platform().api.get(tails(script))) as { id: string }[];

/** Waits until the client has as many sessions: from then on it is told of every request. */
const listening = (script: string, count = 1) =>
  expect.poll(async () => (await sessions(script)).length, { timeout: timeoutMs }).toBe(count);

const at = (path: string) => `http://tail-app.dev.localhost:${platform().port}${path}`;
const visit = (path: string, headers: Record<string, string> = {}) => platform().fetch(at(path), { headers });

/** A session whose WebSocket is ours. */
async function listen(script: string, filters: unknown[] = []) {
  const session = (await platform().api.send("POST", tails(script), { filters })) as {
    id: string;
    url: string;
    expires_at: string;
  };
  const { hostname, pathname } = new URL(session.url);
  const socket = await RawWebSocket.open(platform().port, hostname, pathname, { "Sec-WebSocket-Protocol": "trace-v1" });
  onTestFinished(() => void socket.socket.destroy());
  expect(socket.status).toBe(101);
  return { ...session, socket };
}

const STACK =
  /^( +at \S+ \(\S*\/node_modules\/hono\/dist\/utils\/cookie\.js:\d+:\d+\)\n)+ +at deep \((?:\.\.|src)\/deep\.ts:10:10\)\n/;

/** Messages that came before the one that was waited for. */
const passedOver = new WeakMap<RawWebSocket, Message[]>();

/** The first message that is wanted, of those that nobody was given. */
async function next(socket: RawWebSocket, wanted: (message: Message) => boolean): Promise<Message> {
  const earlier = passedOver.get(socket) ?? [];
  passedOver.set(socket, earlier);
  const at = earlier.findIndex(wanted);
  if (at >= 0) return earlier.splice(at, 1)[0] as Message;
  for (;;) {
    const frame = await socket.next();
    if (frame?.opcode !== 1) throw new Error(`the WebSocket ended with ${frame?.payload.toString("hex")}`);
    const message = JSON.parse(frame.payload.toString()) as Message;
    if (wanted(message)) return message;
    earlier.push(message);
  }
}

beforeAll(async () => {
  await platform().wranglerOk(app.directory, ["deploy"]);
});

describe("wrangler tail", () => {
  test("prints every request that begins after it, as JSON, and no request is disturbed by its start", async () => {
    expect((await visit("/before")).status).toBe(200);
    const statuses: number[] = [];
    let done = false;
    const visitors = (async () => {
      while (!done) statuses.push((await visit("/meanwhile")).status);
    })();
    const child = start(app, "tail", "--format", "json");
    await listening("tail-app");
    done = true;
    await visitors;
    expect(statuses.filter((status) => status !== 200)).toEqual([]);

    await Promise.all(Array.from({ length: 10 }, (_, index) => visit(`/n/${index}`)));
    await visit("/once", { authorization: "Bearer open sesame", "x-kind": "blue" });
    const seen = await message(child, ofPath("/once"));
    expect(seen).toMatchObject({
      outcome: "ok",
      scriptName: "tail-app",
      event: {
        request: { method: "GET", headers: { authorization: "REDACTED", "x-kind": "blue" } },
        response: { status: 200 },
      },
      logs: [{ level: "log", message: ["visit", { path: "/once" }] }],
      exceptions: [],
    });
    const paths = () => printed(child).map(({ event }) => new URL(event.request?.url ?? "x:").pathname);
    await expect.poll(() => paths().filter((path) => path.startsWith("/n/"))).toHaveLength(10);
    expect(paths()).not.toContain("/before");

    await platform().api.send("POST", "/workers/scripts/tail-app/schedules/run", {});
    const scheduled = await message(child, ({ event }) => event.cron !== undefined);
    expect(scheduled).toMatchObject({
      event: { cron: "0 0 1 1 *" },
      logs: [{ level: "info", message: ["the clock"] }],
    });
    const finished = await interrupt(child);
    expect(finished.output).not.toContain("open sesame");
    await listening("tail-app", 0);
  });

  test("source maps: stacks of what is thrown and logged are those of TypeScript and of packages", async () => {
    const { socket } = await listen("tail-app");
    expect((await visit("/throws")).status).toBe(500);
    await visit("/logs-an-error");
    const thrown = await next(socket, ofPath("/throws"));
    expect(thrown).toMatchObject({ outcome: "exception", exceptions: [{ name: "Error" }] });
    expect(thrown.exceptions[0]?.stack).toMatch(STACK);
    expect(thrown.exceptions[0]?.stack).toMatch(/at Object\.fetch \(src\/index\.ts:11:\d+\)/);
    const logged = await next(socket, ofPath("/logs-an-error"));
    expect(logged.logs[1]?.errorInfo?.[0]?.stack).toMatch(STACK);
    socket.close();
  });

  test("a message comes well within a second, with control dead, and the session ends with 1000", async () => {
    const { id, socket } = await listen("tail-app");
    const delays: number[] = [];
    for (let count = 0; count < 20; count++) {
      const beganAt = performance.now();
      await Promise.all([next(socket, ofPath(`/quick/${count}`)), visit(`/quick/${count}`)]);
      delays.push(performance.now() - beganAt);
    }
    console.log(`request to message: median ${delays.sort((a, b) => a - b)[10]?.toFixed(1)} ms`);
    expect(delays[10]).toBeLessThan(500);

    for (const control of platform().role("control")) killProcess(control, "SIGKILL");
    await visit("/without-control");
    await next(socket, ofPath("/without-control"));

    // Control has to come back for that.
    await expect
      .poll(async () => (await platform().api.call("DELETE", `${tails("tail-app")}/${id}`)).status, { timeout: 20_000 })
      .toBe(200);
    const close = await socket.next();
    expect([close?.opcode, close?.payload.readUInt16BE(0)]).toEqual([8, 1000]);
    expect(platform().supervisor.output).not.toContain("/client/v4/tails/");
  });

  test("by route, as text, filtered; after a restart of services it goes on by itself", async () => {
    await platform().api.send("POST", "//zones", { name: "tail.example" });
    await platform().api.send("PUT", "/workers/scripts/tail-app/routes", [{ pattern: "tail.example/*" }]);
    const versions = (await platform().api.get("/workers/scripts/tail-app/versions")) as { items: { id: string }[] };
    const filters = [
      "--version-id",
      versions.items[0]!.id,
      "--status",
      "ok",
      "--method",
      "GET",
      "--header",
      "x-kind:blue",
      "--ip",
      "self",
      "--search",
      "visit",
    ];
    const child = start(app, "tail", "tail.example/*", "--format", "pretty", ...filters);
    await child.outputMatching(/Connected to tail-app, waiting for logs/, timeoutMs);
    await visit("/other");
    await visit("/wanted", { "x-kind": "blue whale" });
    await child.outputMatching(/GET \S+\/wanted - Ok @ .*\n {2}\(log\) visit \{ path: '\/wanted' \}/, timeoutMs);
    expect(child.output).not.toContain("/other");

    for (const services of platform().role("services")) killProcess(services, "SIGKILL");
    await child.outputMatching(/Reconnected to tail-app/, timeoutMs);
    await visit("/after", { "x-kind": "blue" });
    await child.outputMatching(/GET \S+\/after - Ok/, timeoutMs);
    await interrupt(child);
  });

  test("every session has filters of its own", async () => {
    const all = await listen("tail-app");
    const none = await listen("tail-app", [{ outcome: ["exception"] }, { method: ["POST"] }]);
    await visit("/throws");
    await next(all.socket, ({ outcome }) => outcome === "exception");
    await platform().fetch(at("/throws"), { method: "POST" });
    const posted = ({ event }: Message) => event.request?.method === "POST";
    await next(all.socket, posted);
    expect(await next(none.socket, () => true)).toMatchObject({
      outcome: "exception",
      event: { request: { method: "POST" } },
    });
    for (const { socket } of [all, none]) socket.close();
  });

  test("is refused what is no filter, an eleventh session, and a script that is not there", async () => {
    const code = async (script: string, body: unknown) =>
      (await platform().api.call("POST", tails(script), { body })).envelope.errors[0]?.code;
    expect(await code("nobody", {})).toBe(10007);
    await listening("tail-app", 0);
    expect(
      (await platform().api.call("POST", tails("tail-app"), { body: { filters: [{ color: "red" }] } })).status,
    ).toBe(400);
    const open = await Promise.all(Array.from({ length: 10 }, () => listen("tail-app")));
    expect(await code("tail-app", { filters: [] })).toBe(100160);
    for (const { socket } of open) socket.close();
  });
});

describe("Pages", () => {
  beforeAll(() => platform().api.send("POST", "/pages/projects", { name: "tail-site", production_branch: "main" }));

  test("live logs: wrangler pages deployment tail shows one deployment, with source maps", async () => {
    await platform().wranglerOk(site.directory, ["pages", "deploy", "--branch", "main"]);
    const deployments = "/pages/projects/tail-site/deployments";
    const newest = async () =>
      ((await platform().api.get(deployments)) as { id: string; short_id: string; url: string }[])[0]!;
    const earlier = await newest();
    await platform().api.send("POST", `${deployments}/${earlier.id}/retry`);
    const later = await newest();
    expect(later.id).not.toBe(earlier.id);
    const ask = (label: string, query: string) =>
      platform().fetch(`http://${label}.pages.localhost:${platform().port}/api${query}`);

    const child = start(
      site,
      "pages",
      "deployment",
      "tail",
      later.id,
      "--project-name",
      "tail-site",
      "--format",
      "json",
    );
    await listening("pages-worker--tail-site");
    expect((await ask(`${earlier.short_id}.tail-site`, "?earlier")).body).toBe("answered");
    await ask("tail-site", "?production");
    await ask("tail-site", "?throws");
    const ofQuery = (query: string) => (one: Message) => one.event.request?.url.endsWith(query) === true;
    expect(await message(child, ofQuery("?production"))).toMatchObject({
      scriptName: "pages-worker--tail-site",
      scriptVersion: { id: later.id },
      logs: [{ message: ["asked", "?production"] }],
    });
    const { exceptions } = await message(child, ofQuery("?throws"));
    expect(exceptions[0]?.stack).toMatch(STACK);
    expect(exceptions[0]?.stack).toMatch(/api\.ts:10:\d+/);
    expect(child.output).not.toContain("?earlier");
    await interrupt(child);
    await listening("pages-worker--tail-site", 0);
  });
});
