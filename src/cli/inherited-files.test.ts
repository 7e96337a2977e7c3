import { spawnSync } from "node:child_process";
import { openSync } from "node:fs";
import { expect, test } from "vitest";

const script = `
import { spawnSync } from "node:child_process";
import { closeInheritedFiles } from ${JSON.stringify(new URL("./inherited-files.ts", import.meta.url).href)};
const list = () => spawnSync("ls", ["/proc/self/fd"], { encoding: "utf8" }).stdout.trim().split("\\n").map(Number);
const before = list();
closeInheritedFiles();
console.log(JSON.stringify({ before, after: list() }));
`;

test.runIf(process.platform === "linux")("children get nothing that this process was started with", () => {
  const stray = openSync("/dev/null", "r");
  const stdio = ["ignore", "pipe", "inherit", ...Array<"ignore">(17).fill("ignore"), stray] as const;
  const run = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
    stdio: [...stdio],
  });
  const { before, after } = JSON.parse(run.stdout) as { before: number[]; after: number[] };
  expect(before).toContain(20);
  // `ls` has its three and the directory.
  expect(after).toEqual([0, 1, 2, 3]);
});
