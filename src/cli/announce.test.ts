import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { announcement, workersUrl } from "./announce.ts";

const env = {
  CLOUDFLARE_API_BASE_URL: "http://localhost:8787/client/v4",
  CLOUDFLARE_API_TOKEN: "fh_secret",
  CLOUDFLARE_ACCOUNT_ID: "a".repeat(32),
};
const facts = {
  version: "1.2.3",
  env,
  workersUrl: "http://<script>.dev.localhost:8787",
  dataDir: "/srv/freehold",
  warnings: [],
};

test("tells all that a deploy needs, as lines to copy", () => {
  const lines = announcement(facts);
  expect(lines.join("\n")).toContain("http://localhost:8787/client/v4");
  expect(lines.join("\n")).toContain("http://<script>.dev.localhost:8787");
  expect(lines.join("\n")).toContain("/srv/freehold");
  expect(lines.filter((line) => /^ {2}export [A-Z_]+=\S+$/.test(line))).toHaveLength(3);
});

test("where the output may be kept, a shell finds the token but a reader does not", () => {
  const directory = mkdtempSync(join(tmpdir(), "fh it's "));
  try {
    const tokenFile = join(directory, "wrangler.env");
    writeFileSync(tokenFile, "CLOUDFLARE_API_BASE_URL=x\nCLOUDFLARE_API_TOKEN=fh_secret\n");
    const lines = announcement({ ...facts, tokenFile });
    expect(lines.join("\n")).not.toContain("fh_secret");
    const script = [...lines.filter((line) => line.startsWith("  export ")), 'echo "$CLOUDFLARE_API_TOKEN"'].join("\n");
    expect(execFileSync("sh", ["-c", script], { encoding: "utf8" })).toBe("fh_secret\n");
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("never exceeds 12 lines", () => {
  expect(announcement({ ...facts, warnings: Array.from({ length: 9 }, (_, index) => `w${index}`) })).toHaveLength(12);
});

test.each([
  ["http://localhost:8787/client/v4", "http://<script>.dev.localhost:8787"],
  ["http://localhost/client/v4", "http://<script>.dev.localhost"],
])("Workers are on the port of the API %s", (base, url) => {
  expect(workersUrl("dev.localhost", { CLOUDFLARE_API_BASE_URL: base })).toBe(url);
});
