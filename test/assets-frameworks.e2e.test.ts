import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { buffer } from "node:stream/consumers";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { response } from "./harness/http.ts";
import { registryObstacle, run } from "./harness/npm.ts";
import { copyOfFixture } from "./harness/site.ts";
import { usePlatform } from "./harness/suite.ts";

const obstacle = registryObstacle(tmpdir());
if (obstacle) console.warn(`builds of frameworks: skipped, ${obstacle}`);

const platform = usePlatform();
const navigation = { "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };

const fetch = async (script: string, path: string, headers: Record<string, string> = {}) =>
  platform().fetch(await platform().url(script, path), { headers });

/** Builds with the site's own tool, deploys with the real client. */
async function deploy(root: string, site: string, tool: string): Promise<string> {
  const directory = join(root, site);
  const environment = {
    ASTRO_TELEMETRY_DISABLED: "1",
    PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}`,
  };
  await run(join(root, "node_modules/.bin", tool), ["build"], directory, environment, 60_000);
  await platform().wranglerOk(directory, ["deploy"]);
  return join(directory, "dist");
}

describe.skipIf(obstacle)("sites that frameworks build", () => {
  /** Both share one installation. */
  let root = "";
  beforeAll(async () => {
    root = copyOfFixture("assets-frameworks");
    // As a newcomer does; no script of a package runs.
    await run("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund"], root, {}, 150_000);
  }, 160_000);
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  describe("Vite and React, one page for all paths", () => {
    let dist = "";
    let script = "";
    let style = "";
    beforeAll(async () => {
      dist = await deploy(root, "react", "vite");
      const hashed = readdirSync(join(dist, "assets"));
      script = `/assets/${hashed.find((name) => name.endsWith(".js"))}`;
      style = `/assets/${hashed.find((name) => name.endsWith(".css"))}`;
    });

    test("the page and its hashed files have the right types and lives", async () => {
      const page = await fetch("react-app", "/", navigation);
      expect(page.body).toBe(readFileSync(join(dist, "index.html"), "utf8"));
      expect(page.body).toContain(script);
      expect(page.headers).toMatchObject({
        "content-type": "text/html; charset=utf-8",
        "cache-control": "public, max-age=0, must-revalidate",
      });
      const forever = { "cache-control": "public, max-age=31536000, immutable" };
      const js = await fetch("react-app", script);
      expect(js.headers).toMatchObject({ "content-type": "text/javascript; charset=utf-8", ...forever });
      expect(js.body).toBe(readFileSync(join(dist, script), "utf8"));
      const css = await fetch("react-app", style);
      expect(css.headers).toMatchObject({ "content-type": "text/css; charset=utf-8", ...forever });
      expect((await fetch("react-app", "/logo.svg")).headers["content-type"]).toBe("image/svg+xml");
    });

    test.each(["/account/settings", "/account/settings?tab=2", "/assets/gone-Bxyz1234.js"])(
      "a deep link gives the page: %s",
      async (path) => {
        const page = await fetch("react-app", path, navigation);
        expect([page.status, page.body]).toEqual([200, readFileSync(join(dist, "index.html"), "utf8")]);
      },
    );

    test.each([
      ["br", brotliDecompressSync],
      ["zstd", zstdDecompressSync],
      ["gzip", gunzipSync],
    ] as const)("the bundle in %s", async (encoding, decode) => {
      const whole = readFileSync(join(dist, script));
      const ask = async () => {
        const outgoing = platform().open(await platform().url("react-app", script), {
          headers: { "accept-encoding": encoding },
        });
        const answered = response(outgoing);
        outgoing.end();
        return answered;
      };
      // Forms are made after the upload, and each edge process finds them by itself.
      let answer = await ask();
      await expect
        .poll(
          async () => {
            answer.resume();
            answer = await ask();
            return answer.headers["content-encoding"];
          },
          { timeout: 30_000 },
        )
        .toBe(encoding);
      const bytes = await buffer(answer);
      expect(Number(answer.headers["content-length"])).toBe(bytes.length);
      expect(bytes.length).toBeLessThan(whole.length / 2);
      expect(decode(bytes).equals(whole)).toBe(true);
      expect(answer.headers.vary).toBe("Accept-Encoding");
    });

    test("no process was started for a site without code", () => expect(platform().runners()).toEqual([]));
  });

  describe("Astro, a page for each path", () => {
    let dist = "";
    beforeAll(async () => {
      dist = await deploy(root, "astro", "astro");
    });

    test.each([
      ["/", 200, undefined],
      ["/docs/guide/", 200, undefined],
      ["/docs/guide", 307, "/docs/guide/"],
      ["/docs/guide.html", 307, "/docs/guide/"],
      ["/docs/guide/index.html", 307, "/docs/guide/"],
      ["/docs/guide/index", 307, "/docs/guide/"],
      ["/index.html", 307, "/"],
      ["/docs/guide?print=1", 307, "/docs/guide/?print=1"],
    ])("%s: %d", async (path, status, location) => {
      const reply = await fetch("astro-site", path, navigation);
      expect([reply.status, reply.headers.location]).toEqual([status, location]);
      const file = join(dist, path, "index.html");
      if (status === 200) expect(reply.body).toBe(readFileSync(file, "utf8"));
    });

    test.each(["/none", "/docs/none/", "/docs/guide/none.png"])("%s shows the site's own page", async (path) => {
      const reply = await fetch("astro-site", path);
      expect([reply.status, reply.body]).toEqual([404, readFileSync(join(dist, "404.html"), "utf8")]);
      expect(reply.headers["content-type"]).toBe("text/html; charset=utf-8");
    });

    test("a generated feed", async () => {
      expect(existsSync(join(dist, "feed.xml"))).toBe(true);
      const feed = await fetch("astro-site", "/feed.xml");
      expect([feed.status, feed.headers["content-type"]]).toEqual([200, "application/xml"]);
    });
  });
});
