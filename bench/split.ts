import type { AffinityRule } from "../src/domain/routing.ts";
import { newClient } from "../src/edge/client.ts";
import { headerNames } from "../src/edge/headers.ts";
import type { WorkerTarget } from "../src/edge/target.ts";
import { deployedTarget } from "../src/edge/target.ts";
import { chooseVersionFor } from "../src/edge/version-choice.ts";
import { parseRequestHead, RequestHead } from "../src/lib/http/request-head.ts";
import { type Bench, type Figure, median } from "./lib.ts";

const DECISIONS = 500_000;
const ROUNDS = 5;
const GOAL_NS = 1000;

const one = "11111111-aaaa-4aaa-8aaa-aaaaaaaaaaaa";
const two = "22222222-aaaa-4aaa-8aaa-aaaaaaaaaaaa";
const key = "3f2b6c0e-8f3e-4a41-9a6b-6d0f5f5d2c11";

/** A browser's usual fields stand before the one that matters. */
const usual = [
  "Host: app.acc.localhost",
  "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
  "Accept: text/html,application/xhtml+xml",
  "Accept-Language: en-GB,en;q=0.5",
  "Accept-Encoding: gzip, deflate, br",
];

const modes: { what: string; fields: string[]; affinity?: AffinityRule }[] = [
  { what: "by chance", fields: [] },
  { what: "by Cloudflare-Workers-Version-Key", fields: [`Cloudflare-Workers-Version-Key: ${key}`] },
  { what: "by Cloudflare-Workers-Version-Overrides", fields: [`Cloudflare-Workers-Version-Overrides: app="${two}"`] },
  {
    what: "by the edge's cookie, among others",
    fields: [`Cookie: theme=dark; session=abcdefghijklmnopqrstuvwxyz; freehold_affinity=${key}`],
    affinity: "cookie",
  },
  { what: "by the edge's cookie, for a new visitor", fields: [], affinity: "cookie" },
  { what: "by a header of a rule", fields: ["X-User: alice"], affinity: "header:x-user" },
  { what: "by address", fields: [], affinity: "ip" },
];

export const split: Bench = {
  name: "split",
  conditions: `the edge's choice among two versions, ${DECISIONS} times in one process, median of ${ROUNDS} rounds of CPU time; the request's head is parsed before`,
  async run() {
    const whole = nanoseconds(target(100), head([]));
    const figures: Figure[] = [{ what: "one version: no choice", value: whole, unit: "ns" }];
    for (const { what, fields, affinity } of modes) {
      const value = nanoseconds(target(90, affinity), head(fields));
      figures.push({ what, value, unit: "ns", goal: GOAL_NS, baseline: `${whole.toFixed(0)} ns without a split` });
    }
    return figures;
  },
};

function target(percentage: number, affinity?: AffinityRule): WorkerTarget {
  const shares = [{ versionId: one, percentage }];
  if (percentage < 100) shares.push({ versionId: two, percentage: 100 - percentage });
  const script = {
    accountId: "a",
    id: "s",
    name: "app",
    enabled: true,
    previewsEnabled: true,
    versions: [],
    aliases: {},
  };
  return deployedTarget({ ...script, shares, ...(affinity && { affinity }) }, "app.acc.localhost") as WorkerTarget;
}

function head(fields: string[]): RequestHead {
  const parsed = new RequestHead(headerNames);
  const bytes = Buffer.from(`GET / HTTP/1.1\r\n${[...usual, ...fields].join("\r\n")}\r\n\r\n`, "latin1");
  if (parseRequestHead(parsed, bytes, 0, bytes.length) !== "complete") throw new Error("the head is not complete");
  return parsed;
}

/** CPU time of one choice, as the edge makes it. */
function nanoseconds(to: WorkerTarget, parsed: RequestHead): number {
  const client = newClient({ remoteAddress: "203.0.113.7" }, undefined);
  const rounds = Array.from({ length: ROUNDS + 1 }, () => {
    const before = process.cpuUsage();
    let chosen = 0;
    for (let decision = 0; decision < DECISIONS; decision++) {
      client.answerFields = "";
      const versionId = to.split ? chooseVersionFor(to, to.split, parsed, client) : to.versionId;
      if (versionId === two) chosen++;
    }
    const { user, system } = process.cpuUsage(before);
    if (chosen < 0) throw new Error("cannot be");
    return ((user + system) * 1000) / DECISIONS;
  });
  // The first is the compiler's.
  return median(rounds.slice(1));
}
