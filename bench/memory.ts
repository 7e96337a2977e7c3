import { type Platform, startPlatform } from "../test/harness/platform.ts";
import { Child, descendants, isRuntime, type ProcessInfo, pssMb } from "../test/harness/processes.ts";
import { answering, type Bench, round } from "./lib.ts";

const workers = 200;
const settleMs = 3_000;

export const memory: Bench = {
  name: "memory",
  conditions: `PSS of smaps_rollup: the platform after its second start (compile cache warm), 2 edges, nothing deployed, ${settleMs / 1000} s after ready; then ${workers} Workers deployed by API and each hit once`,
  async run() {
    const env = { FREEHOLD_EDGES: "2" };
    const first = await startPlatform({ env });
    await first.stop();
    await using platform = await startPlatform({ env, dataDir: first.dataDir });
    await settle();
    const parts = platformParts(platform);
    const idle = [...parts.values()].reduce((sum, mb) => sum + mb, 0);
    const emptyNode = await emptyNodeMb();

    const deployedAt = performance.now();
    for (let i = 0; i < workers; i++) await platform.api.deploy(`worker-${i}`, answering(`worker ${i}`));
    const deployMs = (performance.now() - deployedAt) / workers;
    for (let i = 0; i < workers; i++) {
      const reply = await platform.fetch(await platform.url(`worker-${i}`));
      if (reply.body !== `worker ${i}`)
        throw new Error(`worker-${i} answered ${reply.status}: ${reply.body.slice(0, 200)}`);
    }
    await settle();
    const runners = runnerProcesses(platform);
    const live = runners.filter(isRuntime).length;
    const total = runners.reduce((sum, process) => sum + pssMb(process.pid), 0);
    const after = [...platformParts(platform).values()].reduce((sum, mb) => sum + mb, 0);
    return [
      {
        what: "platform idle, in total",
        value: idle,
        unit: "MB",
        goal: 200,
        baseline: `an empty Node process ${round(emptyNode)} MB; ${[...parts].map(([name, mb]) => `${name} ${round(mb)}`).join(", ")}`,
      },
      {
        what: `a runner, of ${live} live`,
        value: total / live,
        unit: "MB",
        goal: 13,
        baseline: "with its sandbox's own processes",
      },
      { what: `platform after ${workers} deploys`, value: after, unit: "MB" },
      { what: "a deploy by API, one after the other", value: deployMs, unit: "ms" },
    ];
  },
};

function platformParts(platform: Platform): Map<string, number> {
  const parts = new Map([["supervisor", pssMb(platform.supervisor.pid)]]);
  for (const role of ["control", "services", "edge"]) {
    for (const [index, process] of platform.role(role).entries()) {
      parts.set(role === "edge" ? `edge ${index + 1}` : role, pssMb(process.pid));
    }
  }
  return parts;
}

/** Everything below the supervisor that is no role of the platform: runtimes and their sandboxes. */
function runnerProcesses(platform: Platform): ProcessInfo[] {
  return descendants(platform.supervisor.pid).filter(
    (process) => !process.command.some((word) => word.startsWith("role:")),
  );
}

async function emptyNodeMb(): Promise<number> {
  const child = new Child(process.execPath, ["-e", "setInterval(() => {}, 1e6); console.log('up')"]);
  await child.outputMatching(/up/, 10_000);
  const mb = pssMb(child.pid);
  child.process.kill("SIGKILL");
  return mb;
}

const settle = () => new Promise((resolve) => setTimeout(resolve, settleMs));
