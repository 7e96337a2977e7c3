import { heavyLoad } from "../test/harness/heavy-load.ts";
import { percentile } from "../test/harness/load.ts";
import { startPlatform } from "../test/harness/platform.ts";
import { answering, type Bench, median, round } from "./lib.ts";

const limitMs = 200;
const spins = 10;
const rounds = 4;
const roundMs = 2_500;

export const cpuLimit: Bench = {
  name: "cpu-limit",
  conditions: `while (true) with limits.cpu_ms ${limitMs}, ${spins} times with a warm runner; a neighbour under a steady load of about 300 requests a second, ${rounds} calm and ${rounds} troubled rounds in turn`,
  async run() {
    await using platform = await startPlatform();
    const spinner = `export default { fetch(request) { if (new URL(request.url).pathname === "/spin") for (;;); return new Response("calm"); } };`;
    await platform.api.deploy("spinner", spinner, { limits: { cpu_ms: limitMs } });
    await platform.api.deploy("neighbour", answering("neighbour"));
    const warm = await platform.url("spinner");
    const spin = await platform.url("spinner", "/spin");
    const host = new URL(await platform.url("neighbour")).host;

    const endedMs: number[] = [];
    const nextMs: number[] = [];
    for (let i = 0; i < spins; i++) {
      await untilOk(() => platform.fetch(warm));
      const startedAt = performance.now();
      const reply = await platform.fetch(spin);
      endedMs.push(performance.now() - startedAt);
      if (!reply.body.includes("1102"))
        throw new Error(`while (true) answered ${reply.status}: ${reply.body.slice(0, 200)}`);
      nextMs.push(await untilOk(() => platform.fetch(warm)));
    }

    const calm: number[] = [];
    const troubled: number[] = [];
    for (let i = 0; i < rounds; i++) {
      calm.push(
        ...(await heavyLoad({ port: platform.port, host, connections: 2, pauseMs: 6, durationMs: roundMs }))
          .latenciesMs,
      );
      const neighbour = heavyLoad({ port: platform.port, host, connections: 2, pauseMs: 6, durationMs: roundMs });
      let running = true;
      neighbour.finally(() => {
        running = false;
      });
      while (running) await platform.fetch(spin);
      troubled.push(...(await neighbour).latenciesMs);
    }
    const [before, during] = [percentile(calm, 0.99), percentile(troubled, 0.99)];
    return [
      {
        what: "while (true) is answered after, p50",
        value: median(endedMs),
        unit: "ms",
        goal: limitMs + 200,
        baseline: `the limit, ${limitMs} ms`,
      },
      { what: `  worst of ${spins}`, value: Math.max(...endedMs), unit: "ms", goal: limitMs + 200 },
      { what: "  next request answered after, p50", value: median(nextMs), unit: "ms" },
      {
        what: "neighbour's p99, of its calm p99",
        value: during / before,
        unit: "×",
        goal: 2,
        baseline: `calm ${round(before)} ms, beside while (true) ${round(during)} ms`,
      },
      {
        what: "neighbour's p50 beside while (true)",
        value: percentile(troubled, 0.5),
        unit: "ms",
        baseline: `calm ${round(percentile(calm, 0.5))} ms`,
      },
    ];
  },
};

/** Asks until the answer is 200; how long that took. */
async function untilOk(ask: () => Promise<{ status: number }>): Promise<number> {
  const startedAt = performance.now();
  while ((await ask()).status !== 200) {
    if (performance.now() - startedAt > 30_000) throw new Error("the Worker does not come back");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return performance.now() - startedAt;
}
