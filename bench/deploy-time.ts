import { percentile } from "../test/harness/load.ts";
import { type Platform, startPlatform } from "../test/harness/platform.ts";
import { answering, type Bench, median, round } from "./lib.ts";
import { startRawWorkerd } from "./raw-workerd.ts";

const deploys = 30;

export const deployTime: Bench = {
  name: "deploy-time",
  conditions: `${deploys} uploads of a changed Worker by API, one after the other; from sending the upload to the first answer of the new version at its address`,
  async run() {
    await using platform = await startPlatform();
    await platform.api.deploy("changing", answering("release 0"));
    const script: Timing[] = [];
    const version: Timing[] = [];
    for (let i = 1; i <= deploys; i++) {
      script.push(await time(platform, `script ${i}`, (source) => platform.api.deploy("changing", source)));
      version.push(
        await time(platform, `version ${i}`, async (source) => {
          const { id } = await platform.api.upload("changing", source);
          await platform.api.send("POST", "/workers/scripts/changing/deployments", {
            strategy: "percentage",
            versions: [{ version_id: id, percentage: 100 }],
          });
        }),
      );
    }
    const startMs: number[] = [];
    for (let i = 0; i < 10; i++) {
      using raw = await startRawWorkerd([{ name: "main", source: answering("raw") }]);
      startMs.push(raw.startMs);
    }
    const total = (timings: Timing[]) => timings.map((timing) => timing.acceptedMs + timing.answersMs);
    return [
      {
        what: "script upload → new version answers, p50",
        value: median(total(script)),
        unit: "ms",
        goal: 150,
        baseline: `raw workerd, spawn to listen: ${round(median(startMs))} ms`,
      },
      { what: "  p99", value: percentile(total(script), 0.99), unit: "ms" },
      {
        what: "  of it after the API's answer, p50",
        value: median(script.map((timing) => timing.answersMs)),
        unit: "ms",
      },
      { what: "version upload + deployment → answers, p50", value: median(total(version)), unit: "ms", goal: 150 },
      { what: "  p99", value: percentile(total(version), 0.99), unit: "ms" },
    ];
  },
};

interface Timing {
  acceptedMs: number;
  answersMs: number;
}

async function time(platform: Platform, text: string, deploy: (source: string) => Promise<unknown>): Promise<Timing> {
  const address = await platform.url("changing");
  const source = answering(text);
  const startedAt = performance.now();
  await deploy(source);
  const acceptedAt = performance.now();
  while ((await platform.fetch(address)).body !== text) {
    if (performance.now() - acceptedAt > 10_000) throw new Error(`"${text}" does not answer`);
  }
  return { acceptedMs: acceptedAt - startedAt, answersMs: performance.now() - acceptedAt };
}
