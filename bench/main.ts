/** `npm run bench [-- name …]`: measured claims, each with its conditions and its baseline in the same run. */
import { analytics } from "./analytics.ts";
import { assets } from "./assets.ts";
import { assetsUpload } from "./assets-upload.ts";
import { coldStart } from "./cold-start.ts";
import { cpuLimit } from "./cpu-limit.ts";
import { d1 } from "./d1.ts";
import { deployTime } from "./deploy-time.ts";
import { kv } from "./kv.ts";
import { type Bench, type Figure, machine, table, verdict } from "./lib.ts";
import { logs } from "./logs.ts";
import { memory } from "./memory.ts";
import { objectCalls, objects } from "./objects.ts";
import { pages } from "./pages.ts";
import { queues } from "./queues.ts";
import { r2 } from "./r2.ts";
import { requestCost } from "./request-cost.ts";
import { routeMatch } from "./route-match.ts";
import { serviceBinding } from "./service-binding.ts";
import { split } from "./split.ts";
import { traces } from "./traces.ts";
import { workerFetch } from "./worker-fetch.ts";

const benches: Bench[] = [
  requestCost,
  split,
  routeMatch,
  workerFetch,
  coldStart,
  memory,
  deployTime,
  cpuLimit,
  serviceBinding,
  objectCalls,
  objects,
  assets,
  assetsUpload,
  d1,
  kv,
  analytics,
  logs,
  queues,
  pages,
  r2,
  traces,
];

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !benches.some((bench) => bench.name === name));
if (unknown.length > 0) {
  console.error(
    `No bench is called ${unknown.join(", ")}. There are: ${benches.map((bench) => bench.name).join(", ")}.`,
  );
  process.exit(2);
}

console.log(machine());
const measured: Figure[] = [];
for (const bench of benches.filter((one) => wanted.length === 0 || wanted.includes(one.name))) {
  console.log(`\n${bench.name}: ${bench.conditions}`);
  try {
    const figures = await bench.run();
    measured.push(...figures);
    for (const line of table(figures)) console.log(line);
  } catch (error) {
    console.log(`  failed: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
const judged = measured.filter((figure) => figure.goal !== undefined);
console.log(`\n${judged.filter((figure) => verdict(figure) === "met").length} of ${judged.length} goals met`);
