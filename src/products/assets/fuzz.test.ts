/**
 * Random input for everything that reads what tenants and clients send: no crash, no way out of the manifest, no
 * header injection, no time that grows faster than the input. `FUZZ_SECONDS=600` runs each part for ten minutes.
 */
import { expect, test } from "vitest";
import { cpuMsOf } from "../../lib/testing-cpu.ts";
import { fuzzPlan } from "../../lib/testing-fuzz.ts";
import { buildManifest } from "./build-manifest.ts";
import { ifRangeHolds, matchingForm, parseRange } from "./conditional.ts";
import { chooseEncoding } from "./encodings.ts";
import { finish } from "./finish.ts";
import { applyHeaders, type Header, parseHeadersFile } from "./headers-file.ts";
import { linksOfHtml } from "./html-links.ts";
import { Manifest } from "./manifest.ts";
import { ManifestError } from "./manifest-format.ts";
import { decodePath, parseTarget } from "./path.ts";
import { prepare } from "./prepare.ts";
import { matchRedirect, parseRedirectsFile } from "./redirects-file.ts";
import { parseRunWorkerFirst, WorkerFirstError, workerFirst } from "./run-worker-first.ts";
import { hashOf, siteOf } from "./testing.ts";

const ROUNDS = 600;

/** Processor time that one round may take: far above what any takes, far below what backtracking would. */
const MAX_ROUND_CPU_MS = 1000;

class Random {
  #state: number;

  constructor(state: number) {
    this.#state = state >>> 0;
  }

  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }

  /** Mostly short, now and then long. */
  length(): number {
    return this.below(20) === 0 ? this.below(2000) : this.below(12);
  }

  /** Pieces joined; one piece repeated when long, which is what slow matchers fear. */
  text(pieces: readonly string[]): string {
    const length = this.length();
    if (length > 100 && this.below(2) === 0)
      return `${this.pick(pieces)}${this.pick(pieces)}`.repeat(length) + this.pick(pieces);
    return Array.from({ length }, () =>
      this.below(30) === 0 ? String.fromCharCode(this.below(0x300)) : this.pick(pieces),
    ).join("");
  }
}

function fuzz(name: string, round: (random: Random) => void): void {
  const plan = fuzzPlan(ROUNDS);
  test(name, { timeout: plan.timeoutMs }, () => {
    for (let number = 0; plan.goesOn(number); number++) {
      const roundSeed = plan.seed + number * 7919;
      const usedMs = cpuMsOf(() => {
        try {
          round(new Random(roundSeed));
        } catch (error) {
          throw new Error(`FUZZ_SEED=${roundSeed} fails in its first round`, { cause: error });
        }
      });
      expect(usedMs, `FUZZ_SEED=${roundSeed}`).toBeLessThan(MAX_ROUND_CPU_MS);
    }
  });
}

const PATH_PIECES = [
  "/",
  "a",
  "b",
  "index",
  ".html",
  "..",
  ".",
  "%2e",
  "%2F",
  "%5c",
  "\\",
  "//",
  "%",
  "%00",
  "é",
  "?",
  "#",
  "secret",
  "404.html",
  "public",
  "@",
  ":",
  "x",
];
const PATTERN_PIECES = ["/", "a", "b", "*", ":x", ":y", ":z", ":splat", "-", ".", "https://", "h.com", "%2F", "?", "é"];

function target(random: Random): string {
  return `/${random.text(PATH_PIECES)}`;
}

function expectSafeHeaders(headers: readonly Header[]): void {
  for (const [name, value] of headers) {
    if (!/^[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(name)) throw new Error(`header name ${JSON.stringify(name)}`);
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) throw new Error(`value of ${name}: ${JSON.stringify(value)}`);
  }
}

/** A Location stays on the site, or goes where a rule says in so many words. */
function expectSafeLocation(location: string): void {
  if (!/^(?:\/(?![/\\])|https?:\/\/)/.test(location)) throw new Error(`Location ${location}`);
}

fuzz("_headers", (random) => {
  const lines = Array.from({ length: random.length() }, () => {
    const kind = random.below(4);
    if (kind === 0)
      return `  ${random.pick(["X", "! X", "Set-Cookie", "Cache-Control", "Vary"])}: ${random.text(PATTERN_PIECES)}`;
    return `${random.pick(["/", "/*", "https://", "", "#", " ! "])}${random.text(PATTERN_PIECES)}`;
  });
  const { rules } = parseHeadersFile(lines.join(random.pick(["\n", "\r\n", "\n  Y: :splat\n"])));
  const path = parseTarget(target(random))?.path ?? "/";
  const headers = applyHeaders(rules, random.pick(["h.com", "a.h.com", "b"]), path, [["etag", '"x"']]);
  expectSafeHeaders(headers);
  expect(headers.reduce((sum, [, value]) => sum + value.length, 0)).toBeLessThan(20_000);
});

fuzz("_redirects", (random) => {
  const lines = Array.from({ length: random.length() }, () => {
    const source = random.text(PATTERN_PIECES);
    const destination = random.text(PATTERN_PIECES);
    return `${random.pick(["/", ""])}${source} ${random.pick(["/", "https://e.com/", ""])}${destination} ${random.pick(["", "200", "301", "999"])}`;
  });
  const { rules } = parseRedirectsFile(lines.join("\n"), random.pick(["none", "auto-trailing-slash"] as const));
  for (let i = 0; i < 5; i++) {
    const path = parseTarget(target(random))?.path ?? "/";
    const match = matchRedirect(rules, "https://h.com", path);
    if (!match) continue;
    const location = match.location + match.query + match.fragment;
    expectSafeLocation(location);
    expectSafeHeaders([["location", location]]);
    const relative = /^\/(?![/\\])/.test(match.rule.destination);
    if (relative && !location.startsWith("/")) throw new Error(`${match.rule.destination} became ${location}`);
  }
});

fuzz("run_worker_first", (random) => {
  const rules = Array.from(
    { length: 1 + random.below(5) },
    () => `${random.pick(["/", "!/"])}${random.text(["*", "a", "b", "/", "**"]).slice(0, 90)}`,
  );
  try {
    workerFirst(parseRunWorkerFirst(rules), `/${"ab".repeat(random.length() * 4)}`);
  } catch (error) {
    if (!(error instanceof WorkerFirstError)) throw error;
  }
});

const FILES = [
  "/index.html",
  "/404.html",
  "/a.html",
  "/a/index.html",
  "/b",
  "/public/a.html",
  "/public/b/404.html",
  "/public/index.html",
  "/secret/a.html",
  "/é.html",
  "/%2e%2e",
  "/x.js",
];
const HASHES = new Map(FILES.map((path) => [hashOf(path), path]));

fuzz("paths", (random) => {
  const site = siteOf({
    files: [...FILES],
    site: {
      htmlHandling: random.pick([
        "auto-trailing-slash",
        "force-trailing-slash",
        "drop-trailing-slash",
        "none",
        "pages",
      ] as const),
      notFoundHandling: random.pick(["none", "404-page", "single-page-application", "pages"] as const),
      mode: random.pick(["workers", "pages"] as const),
    },
  });
  const parsed = parseTarget(target(random));
  if (!parsed) return;
  if (!parsed.path.startsWith("/") || /\/\.\.?(?:\/|$)/.test(parsed.path))
    throw new Error(`not normalised: ${parsed.path}`);
  decodePath(parsed.path);
  const prefix = random.pick(["", "/public"]);
  const answer = prepare(site, { origin: "https://h.com", hostname: "h.com", path: parsed.path, prefix });
  const headers: Record<string, string> = {
    range: random.text(["bytes=", "0", "9", "-", ",", " "]),
    "if-none-match": random.text(['"', "W/", ",", "*", hashOf("/a.html")]),
    "accept-encoding": random.text(["br", "gzip", ";q=", "0", ".", "1", ",", "*", "identity"]),
  };
  const decision = finish(site, answer, {
    method: random.pick(["GET", "HEAD", "POST"]),
    query: parsed.query,
    header: (name) => (random.below(2) === 0 ? headers[name] : undefined),
  });
  expectSafeHeaders(decision.headers);
  if (decision.kind === "redirect") expectSafeLocation(decision.headers[0]?.[1] ?? "");
  if (!decision.body) return;
  const path = HASHES.get(decision.body.hash);
  if (path === undefined) throw new Error("a body that is no file");
  if (answer.own && !path.startsWith(prefix)) throw new Error(`${path} is outside of ${prefix}`);
  if (decision.body.offset < 0 || decision.body.offset + decision.body.length > 100)
    throw new Error("a body beyond its file");
});

fuzz("ranges and conditions", (random) => {
  const size = random.pick([0, 1, 10, 2 ** 31, 25 * 1024 * 1024]);
  const value = random.text(["bytes", "=", "-", "0", "1", "99", ",", " ", "18446744073709551616"]);
  for (const header of [value, `bytes=${value}`]) {
    const range = parseRange(header, size);
    if (typeof range === "string") continue;
    const sound =
      range.offset >= 0 &&
      range.length > 0 &&
      range.offset + range.length <= size &&
      Number.isInteger(range.offset + range.length);
    if (!sound) throw new Error(`${header} of ${size}: ${JSON.stringify(range)}`);
  }
  matchingForm(random.text(['"', "W/", ",", "*", "a", hashOf("a")]), hashOf("a"), "br");
  ifRangeHolds(value, '"a"');
  const form = chooseEncoding(
    random.text(["br", "gzip", "zstd", ";", "q", "=", "0", ".", "1", ",", "*", " ", "identity"]),
    { br: 1 },
  );
  if (!["br", "identity", "none"].includes(form)) throw new Error(form);
});

fuzz("damaged tables", (random) => {
  const bytes = Buffer.from(
    buildManifest(FILES.map((path) => ({ path, hash: hashOf(path), size: 1, contentType: "text/html" }))),
  );
  for (let i = 0; i < 1 + random.below(8); i++) bytes[random.below(bytes.length)] = random.below(256);
  try {
    const manifest = new Manifest(random.below(4) === 0 ? bytes.subarray(0, random.below(bytes.length)) : bytes);
    for (const path of FILES) manifest.find(path);
    for (const file of manifest.files()) if (file.hash.length !== 32) throw new Error(file.hash);
  } catch (error) {
    if (!(error instanceof ManifestError)) throw error;
  }
});

fuzz("HTML", (random) => {
  const html = random.text([
    "<",
    ">",
    "link",
    "<link ",
    "rel=preload",
    " href=",
    '"',
    "'",
    "/a",
    "=",
    " ",
    "<!--",
    "-->",
    "<script>",
    "</script>",
    "<base ",
    "\r\n",
    "as=style",
  ]);
  for (const link of linksOfHtml(Buffer.from(html))) expectSafeHeaders([["link", link]]);
});
