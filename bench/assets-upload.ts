import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPlatform } from "../test/harness/platform.ts";
import type { Bench, Figure } from "./lib.ts";

const files = 20_000;

export const assetsUpload: Bench = {
  name: "assets-upload",
  conditions: `wrangler deploy of ${files} HTML files of 1 KiB on an empty platform, then again with nothing and with one file changed; wall time of the whole command`,
  async run() {
    const directory = mkdtempSync(join(tmpdir(), "fh-upload-"));
    try {
      await using platform = await startPlatform();
      writeSite(directory);
      const deploy = async (): Promise<number> => {
        const startedAt = performance.now();
        await platform.wranglerOk(directory, ["deploy"]);
        return (performance.now() - startedAt) / 1000;
      };
      const baseline = await dryRun(platform, directory);
      const figures: Figure[] = [
        {
          what: `first deploy of ${files} files`,
          value: await deploy(),
          unit: "s",
          goal: 60,
          baseline: `wrangler deploy --dry-run of the same directory: ${baseline.toFixed(1)} s`,
        },
        { what: "  again, nothing changed", value: await deploy(), unit: "s" },
      ];
      writeFileSync(join(directory, "public/d0/f0.html"), "changed");
      figures.push({ what: "  again, one file changed", value: await deploy(), unit: "s" });
      return figures;
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
};

/** What the client costs without a server. */
async function dryRun(platform: Awaited<ReturnType<typeof startPlatform>>, directory: string): Promise<number> {
  const startedAt = performance.now();
  await platform.wranglerOk(directory, ["deploy", "--dry-run"]);
  return (performance.now() - startedAt) / 1000;
}

function writeSite(directory: string): void {
  const config = { name: "many", compatibility_date: "2026-01-01", assets: { directory: "./public" } };
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "wrangler.json"), JSON.stringify(config));
  for (let i = 0; i < 200; i++) mkdirSync(join(directory, `public/d${i}`), { recursive: true });
  for (let i = 0; i < files; i++) {
    const page = `<!doctype html><title>Page ${i}</title>${`<p>Paragraph of page ${i}.</p>`.repeat(40)}`;
    writeFileSync(join(directory, `public/d${i % 200}/f${i}.html`), page.slice(0, 1024));
  }
}
