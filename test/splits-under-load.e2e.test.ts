import { expect, test } from "vitest";
import { heavyLoad } from "./harness/heavy-load.ts";
import { Load } from "./harness/load.ts";
import { usePlatform } from "./harness/suite.ts";

/** Requests that the accuracy of a split is measured with; CI's are fewer. */
const REQUESTS = Number(process.env.FREEHOLD_TEST_SPLIT_REQUESTS ?? 10_000);
const CHANGES = 50;

const platform = usePlatform();
const source = (release: string) => `export default { fetch: () => new Response("${release}") }`;

test("50 changes of percentages under load fail no request, and shares are kept", async () => {
  const { versionId: one } = await platform().api.deploy("split", source("one"));
  const { id: two } = await platform().api.upload("split", source("two"));
  const share = (percentage: number) =>
    platform().api.send("POST", "/workers/scripts/split/deployments", {
      versions: [
        { version_id: one, percentage: 100 - percentage },
        { version_id: two, percentage },
      ],
    });
  const load = new Load(await platform().url("split"), { connections: 4, pauseMs: 2 });
  for (let change = 1; change <= CHANGES; change++) await share((change * 37) % 101);
  const { failures, requests, answers } = await load.stop();
  expect(failures).toEqual([]);
  expect(requests).toBeGreaterThan(CHANGES);
  expect([...answers.keys()].sort()).toHaveLength(2);

  await share(10);
  const { hostname, port } = new URL(await platform().url("split"));
  const counted = await heavyLoad({
    host: hostname,
    port: Number(port),
    connections: 4,
    requests: REQUESTS,
    countAnswers: true,
  });
  expect(counted.failures, counted.firstFailure).toBe(0);
  // Five standard deviations, at most the half point that 100,000 requests must keep.
  const tolerance = Math.max(0.5, 500 * Math.sqrt(0.09 / REQUESTS));
  const portion = (100 * (counted.answers.two ?? 0)) / REQUESTS;
  expect(Math.abs(portion - 10)).toBeLessThan(tolerance);
});
