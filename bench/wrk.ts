import { spawnSync } from "node:child_process";
import { Child } from "../test/harness/processes.ts";

export interface WrkReport {
  requests: number;
  seconds: number;
}

export function hasWrk(): boolean {
  return spawnSync("wrk", ["-v"]).error === undefined;
}

/** Load by `wrk`, a client in C that leaves the processor to the servers. Throws when connections break. */
export async function wrk(address: string, headers: Record<string, string>, seconds: number): Promise<WrkReport> {
  const fields = Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  const client = new Child("wrk", ["-t1", "-c8", `-d${seconds}`, ...fields, address]);
  const { stdout, output } = await client.end(60_000);
  const [, requests, time, unit] = /(\d+) requests in ([\d.]+)(ms|s|m),/.exec(stdout) ?? [];
  const broken = /Socket errors: connect (\d+), read (\d+), write (\d+)/.exec(stdout);
  if (!requests || !time || broken?.slice(1).some((count) => count !== "0")) throw new Error(`wrk failed:\n${output}`);
  return { requests: Number(requests), seconds: Number(time) * (unit === "ms" ? 0.001 : unit === "m" ? 60 : 1) };
}
