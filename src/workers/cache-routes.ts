import { z } from "zod";
import { route } from "../lib/api.ts";
import type { ApiRoute, Platform } from "../store/platform.ts";
import { nothingToPurge } from "./errors.ts";
import { requireScript } from "./scripts.ts";

/** Entries of one request. The original takes 100 to 500, by plan. */
const MAX_ENTRIES = 500;

const list = z.array(z.string().min(1).max(16_384)).max(MAX_ENTRIES).optional();

/** The body of the original's `POST /zones/<zone>/purge_cache`; without zones a script stands in its place. */
const Purge = z.object({
  purge_everything: z.boolean().optional(),
  files: z
    .array(z.union([z.url(), z.object({ url: z.url() })]))
    .max(MAX_ENTRIES)
    .optional(),
  prefixes: list,
  hosts: list,
  tags: list,
});

export const cacheRoutes: ApiRoute[] = [
  route({
    method: "POST",
    path: "/accounts/:account/workers/scripts/:script/purge_cache",
    scope: "edit",
    summary: "Remove responses from a Worker's caches, by address, beginning of it, host, tag, or all",
    body: Purge,
    handle: async ({ platform, accountId, params, body }: PurgeRequest) => {
      const { name } = await requireScript(platform, accountId, params.script ?? "");
      const { purge_everything, files = [], prefixes = [], hosts = [], tags = [] } = body;
      if (!purge_everything && [files, prefixes, hosts, tags].every((entries) => entries.length === 0))
        throw nothingToPurge();
      const purged = await platform.caches.purge(accountId, name, {
        everything: purge_everything === true,
        // Spelt as requests spell them; without what never reaches a server.
        urls: files.map((file) => new URL(typeof file === "string" ? file : file.url).href.replace(/#.*$/s, "")),
        prefixes: prefixes.map((prefix) => prefix.replace(/^[a-z]+:\/\//, "")),
        hosts: hosts.map((host) => host.toLowerCase()),
        tags: tags.map((tag) => tag.trim().toLowerCase()),
      });
      return { id: params.script, purged };
    },
  }),
];

interface PurgeRequest {
  platform: Platform;
  accountId: string;
  params: Record<string, string>;
  body: z.infer<typeof Purge>;
}
