/**
 * Random bytes against the running edge, beside a file that must never come out. `FUZZ_SECONDS=600` runs it for ten
 * minutes.
 */
import { connect } from "node:net";
import { beforeAll, expect, test } from "vitest";
import { seededRandom } from "../src/lib/seeded-random.ts";
import { fuzzPlan } from "../src/lib/testing-fuzz.ts";
import { cpuMs } from "./harness/processes.ts";
import { Project } from "./harness/project.ts";
import { usePlatform } from "./harness/suite.ts";

/** Rounds of each client. */
const plan = fuzzPlan(200);
/** Stands outside of the assets' directory, in files that it leaves out and in the Worker's code. */
const CANARY = "canary-5f1c0e";
const SECRET = "canary-only-for-members-77aa";

const platform = usePlatform();

beforeAll(async () => {
  using project = new Project("assets-app");
  project.write("outside.txt", CANARY);
  project.write("public/key.pem", CANARY);
  project.write("public/.assetsignore", "key.pem\n");
  project.write("public/members/letter.txt", SECRET);
  project.replace(
    "src/index.ts",
    "interface Env",
    `const hidden = "${CANARY}";\nif (hidden === "") throw new Error();\ninterface Env`,
  );
  project.write("public/large.bin", "0123456789".repeat(60_000));
  await platform().wranglerOk(project.directory, ["deploy"]);
});

const FILES = [
  "about",
  "",
  "large.bin",
  "admin/panel",
  "admin/logo.svg",
  "data.json",
  "api/docs/",
  "none",
  "team/kim",
  "home",
];
const STEPS =
  "/ / / . .. ... ../ /../ ..\\ %2e%2e %2E. .%2e %252e%252e %2f %2F %5c \\ // /// /./ %00 % %zz %c0%ae%c0%ae %e0%80%af ..; ; @ : * | ~ ? ?q # %20 é";
const NAMES =
  "outside.txt key.pem wrangler.json src/index.ts .assetsignore _headers _redirects members letter.txt members/letter.txt admin panel about index.html large.bin data.json api docs none home team/x shell etc/passwd proc/self/environ cdn-cgi/ cdn-cgi\\ http://x/";
const PATHS = `${STEPS} ${NAMES}`.split(" ");
/** These make a request invalid. */
const BREAKS = [" ", "\t", "\u0001", "\0", "\r", "\n", "\u007f"];
const RANGES = [
  "bytes=",
  "=",
  "-",
  "-",
  "0",
  "1",
  "599999",
  "600000",
  "9",
  ",",
  " ",
  "18446744073709551616",
  "lines=",
  "é",
  "\t",
];
const CODINGS = ["br", "gzip", "zstd", "identity", "*", ";q=", "0", "1", "0.5", ",", " ", "x"];
const TAGS = ['"', "W/", ",", "*", "0123456789abcdef0123456789abcdef", "-br", " "];
const METHODS = [...Array<string>(20).fill("GET"), "HEAD", "HEAD", "POST", "OPTIONS", "GE\0T", "get", "PROPFIND", ""];
const VERSIONS = [...Array<string>(20).fill("HTTP/1.1"), "HTTP/1.0", "HTTP/2.0", "HTTP/1.", ""];

function requestText(below: (limit: number) => number, host: string): string {
  const pick = (pieces: readonly string[]) => pieces[below(pieces.length)] ?? "";
  const text = (pieces: readonly string[], length = below(8)) => Array.from({ length }, () => pick(pieces)).join("");
  const long = below(40) === 0 ? pick(PATHS).repeat(3000) : "";
  const lines = [`Host: ${host}`];
  if (below(2) === 0) lines.push(`Range: ${below(4) === 0 ? "" : "bytes="}${text(RANGES, 1 + below(4))}`);
  if (below(3) === 0) lines.push(`Accept-Encoding: ${text(CODINGS)}`);
  if (below(3) === 0) lines.push(`If-None-Match: ${text(TAGS)}`);
  if (below(3) === 0) lines.push(`If-Range: ${text(TAGS)}`);
  if (below(3) === 0) lines.push("Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document");
  if (below(9) === 0) lines.push(`X-Noise: ${text(PATHS)}`);
  if (below(20) === 0) lines.push(text([...PATHS, ...BREAKS], 3));
  if (below(20) === 0) lines.push("Host: other");
  const path = below(3) === 0 ? pick(FILES) : text(PATHS, 1 + below(8));
  const target = `${below(20) === 0 ? "" : "/"}${path}${long}${below(12) === 0 ? pick(BREAKS) + pick(PATHS) : ""}`;
  return `${pick(METHODS)} ${target} ${pick(VERSIONS)}\r\n${lines.join("\r\n")}\r\nConnection: close\r\n\r\n`;
}

/** All that comes back until the edge ends the connection; throws when it does not. */
function talk(bytes: Buffer, cut: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port: platform().port });
    let text = "";
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error("no end of the answer within 30 s"));
    }, 30_000);
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => {
      text += chunk;
      // Now and then a client that goes away in the middle.
      if (cut > 0 && text.length > cut) socket.destroy();
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      clearTimeout(timer);
      resolve(text);
    });
    socket.write(bytes);
  });
}

test(`random paths and ranges (seed ${plan.seed})`, { timeout: plan.timeoutMs + 60_000 }, async () => {
  const { host } = new URL(await platform().url("app"));
  const before = platform().role("edge");
  const edges = before.map(({ pid }) => pid);
  const idleMs = before.map(({ pid }) => cpuMs(pid));
  const statuses = new Map<string, number>();
  let requests = 0;
  const client = async (number: number) => {
    for (let round = 0; plan.goesOn(round); round++) {
      const roundSeed = plan.seed + number + round * 7919;
      const below = seededRandom(roundSeed);
      // Half of them without a valid UTF-8 form.
      const bytes = Buffer.from(requestText(below, host), below(2) === 0 ? "utf8" : "latin1");
      const cut = below(10) === 0 ? 1 + below(100_000) : 0;
      const answer = await talk(bytes, cut).catch((error: unknown) => {
        throw new Error(`FUZZ_SEED=${roundSeed}: ${JSON.stringify(bytes.toString("latin1").slice(0, 2000))}`, {
          cause: error,
        });
      });
      const status = /^HTTP\/1\.1 (\d{3}) /.exec(answer.replace(/^HTTP\/1\.1 103 [\s\S]*?\r\n\r\n/, ""))?.[1];
      const context = `FUZZ_SEED=${roundSeed} ${JSON.stringify(bytes.toString("latin1").slice(0, 2000))}`;
      // A connection that is only cut off is an answer to a half request only.
      if (cut === 0) expect(status, context).toBeDefined();
      expect(answer, context).not.toContain(CANARY);
      expect(answer, context).not.toContain(SECRET);
      expect(answer, context).not.toContain("root:");
      expect(status, context).not.toMatch(/^50[0234678]$/);
      statuses.set(status ?? "cut", (statuses.get(status ?? "cut") ?? 0) + 1);
      requests++;
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_, number) => client(number * 1_000_003)));
  console.log(
    `${requests} requests: ${[...statuses]
      .sort()
      .map(([status, count]) => `${status} × ${count}`)
      .join(", ")}`,
  );
  expect(
    platform()
      .role("edge")
      .map(({ pid }) => pid),
  ).toEqual(edges);
  // Nothing spins once the clients are gone.
  const busy = platform()
    .role("edge")
    .reduce((sum, { pid }, index) => sum + cpuMs(pid) - (idleMs[index] ?? 0), 0);
  expect(busy / requests).toBeLessThan(20);
  expect([...statuses.keys()]).toEqual(expect.arrayContaining(["200", "307", "404"]));
  expect((await platform().fetch(await platform().url("app", "/about"))).body).toBe("<h1>About</h1>\n");
  expect(
    (await platform().fetch(await platform().url("app", "/members/letter.txt"), { headers: { authorization: "x" } }))
      .body,
  ).toBe(SECRET);
});
