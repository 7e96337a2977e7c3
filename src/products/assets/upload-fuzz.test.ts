/**
 * Random damage to bulk uploads: no crash, no hang, no draft left behind, and never a content under the name of another.
 * `FUZZ_SECONDS=600` runs it for ten minutes.
 */
import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ApiError } from "../../lib/api.ts";
import { seededRandom } from "../../lib/seeded-random.ts";
import { fuzzPlan } from "../../lib/testing-fuzz.ts";
import { type TestPlatform, testPlatform } from "../../store/testing.ts";
import { contentPath, draftsPath } from "./content-path.ts";
import { receiveBulk } from "./receive.ts";
import { announcement, bulkForm, type TestFiles, wranglerHash } from "./testing-upload.ts";
import { AssetUploads } from "./uploads.ts";

const plan = fuzzPlan(60);

let platform: TestPlatform;
beforeAll(async () => {
  platform = await testPlatform();
});
afterAll(() => platform.end());

const files: TestFiles = { "/a.html": "<p>a</p>", "/b.js": "b".repeat(500), "/c": "", "/d.bin": Buffer.alloc(3000, 7) };
const pieces = ["\r\n", "--", "\r\n--", "\r\n\r\n", "=", "Content-Type: ", 'name="', "\0", "é", "AAAA", ": "];

/** Bytes taken away, put in, doubled or changed. */
function damaged(bytes: Buffer, below: (limit: number) => number): Buffer {
  let result = bytes;
  for (let i = below(4); i >= 0; i--) {
    const at = below(result.length);
    const end = Math.min(result.length, at + below(below(8) === 0 ? 2000 : 8));
    const part = result.subarray(at, end);
    const replacement = [
      Buffer.alloc(0),
      Buffer.concat([part, part]),
      Buffer.from(pieces[below(pieces.length)] ?? ""),
      Buffer.from(part.map((byte) => byte ^ (1 << below(8)))),
    ][below(4)];
    result = Buffer.concat([result.subarray(0, at), replacement ?? part, result.subarray(end)]);
  }
  return result;
}

function inPieces(bytes: Buffer, below: (limit: number) => number): ReadableStream<Uint8Array> {
  const size = 1 + below(below(2) === 0 ? 20 : 5000);
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.subarray(at, at + size));
      at += size;
    },
  });
}

test(`damaged uploads (seed ${plan.seed})`, { timeout: plan.timeoutMs }, async () => {
  // A run that hangs must tell it too.
  console.info(`FUZZ_SEED=${plan.seed}`);
  const below = seededRandom(plan.seed);
  const accountId = platform.account.id;
  const uploads = new AssetUploads(platform);
  const { jwt } = await uploads.start(accountId, "s", announcement(files));
  const whole = new Response(bulkForm(files));
  const contentType = whole.headers.get("content-type") ?? "";
  const bytes = Buffer.from(await whole.arrayBuffer());
  const outcomes = { kept: 0, refused: 0 };
  for (let round = 0; plan.goesOn(round); round++) {
    const body = inPieces(round === 0 ? bytes : damaged(bytes, below), below);
    const request = new Request("http://x", {
      method: "POST",
      body,
      headers: { "content-type": contentType },
      duplex: "half",
    });
    try {
      await uploads.use(accountId, jwt, (upload) => {
        for (const hash of upload.files.keys()) upload.missing.add(hash);
        return receiveBulk(uploads, upload, request, { base64: true, checked: true });
      });
      outcomes.kept++;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      outcomes.refused++;
    }
    expect(readdirSync(draftsPath(uploads.store.root))).toEqual([]);
    await checkContents(uploads);
  }
  // Some damage does no harm, such as to a file's type; the first round has none.
  expect(outcomes.refused).toBeGreaterThan(0);
  expect(outcomes.kept).toBeGreaterThan(0);
});

/** Everything that is there is what was announced; then it is taken away, so that the next round starts anew. */
async function checkContents({ store }: AssetUploads): Promise<void> {
  const accountId = platform.account.id;
  const expected = new Map(Object.entries(files).map(([path, content]) => [wranglerHash(path, content), content]));
  const stored = await store.find(accountId, [...expected.keys()]);
  for (const hash of stored.keys()) {
    expect(readFileSync(contentPath(store.root, accountId, hash))).toEqual(Buffer.from(expected.get(hash) ?? ""));
  }
  const { count } = await platform.db
    .selectFrom("asset_contents")
    .select(({ fn }) => fn.countAll<number>().as("count"))
    .executeTakeFirstOrThrow();
  expect(count).toBe(stored.size);
  await store.exclusively(accountId, () => store.remove(accountId, [...stored.keys()]));
}
