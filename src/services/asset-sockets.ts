import { readFile } from "node:fs/promises";
import type { Server } from "node:net";
import { join } from "node:path";
import type { AttachRequest } from "../domain/messages.ts";
import type { LaunchRecord } from "../domain/version.ts";
import { HeaderNames } from "../lib/http/header-names.ts";
import { HttpServer } from "../lib/http/server.ts";
import { Ticker } from "../lib/http/ticker.ts";
import { assetHeaderNames } from "../products/assets/asset-request.ts";
import { AssetServer, type SiteChoice } from "../products/assets/asset-server.ts";
import { SCHEME_HEADER } from "../products/assets/binding.ts";
import { Contents } from "../products/assets/contents.ts";
import { OpenSites } from "../products/assets/open-sites.ts";
import { directoryBlobs } from "../store/blobs.ts";
import { ASSET_CACHE_BYTES, MAX_LINK_CONNECTIONS } from "./limits.ts";
import { listenAt } from "./unix-listener.ts";

/** Whose assets a connection gets: its socket says which version is calling. */
interface Caller {
  choice: SiteChoice;
}

export interface AssetSocketsOptions {
  blobs: string;
  assets: string;
  /** Path of a version's launch record, which names its site. */
  launchRecord(versionId: string): string;
}

interface Attached {
  listener: Server;
  server: HttpServer<Caller>;
  site: string;
}

const names = new HeaderNames([...assetHeaderNames, SCHEME_HEADER]);
const schemeId = names.id(SCHEME_HEADER);

/** The sockets behind `env.ASSETS`: plain HTTP, answered with the calling version's files by the code that the edge uses. */
export class AssetSockets {
  readonly #options: AssetSocketsOptions;
  readonly #ticker = new Ticker();
  readonly #sites: OpenSites;
  readonly #assets: AssetServer<Caller>;
  readonly #attached = new Map<string, Attached>();

  constructor(options: AssetSocketsOptions) {
    this.#options = options;
    const ticker = this.#ticker;
    const contents = new Contents({ root: options.assets, maxBytes: ASSET_CACHE_BYTES, now: () => ticker.nowMs });
    this.#sites = new OpenSites(directoryBlobs(options.blobs), contents);
    this.#assets = new AssetServer<Caller>({
      sites: this.#sites,
      names,
      only: true,
      lines: () => `Date: ${ticker.date}\r\n`,
      lost(exchange, error) {
        console.error("Static assets could not be read:", error instanceof Error ? error.message : error);
        exchange.respond(500, "Content-Type: text/plain\r\n", "The file cannot be read.");
      },
    });
  }

  /** Opens the instance's socket when its version binds assets; resolves when it listens. A second call replaces the first. */
  async attach({ instanceId, versionId, directory, assets }: AttachRequest): Promise<void> {
    this.detach(instanceId);
    if (!assets) return;
    const record = JSON.parse(await readFile(this.#options.launchRecord(versionId), "utf8")) as LaunchRecord;
    if (!record.assets) throw new Error(`version ${versionId} binds static assets and has none`);
    const caller: Caller = { choice: { site: record.assets.site, retained: [], prefix: "" } };
    const server = this.#server(caller);
    const listener = await listenAt(join(directory, assets.socket), (socket) => server.accept(socket), {
      maxConnections: MAX_LINK_CONNECTIONS,
    });
    this.#attached.set(instanceId, { listener, server, site: record.assets.site });
  }

  #server(caller: Caller): HttpServer<Caller> {
    return new HttpServer<Caller>({
      names,
      ticker: this.#ticker,
      handler: {
        opened: () => caller,
        request: (exchange, head) => {
          const scheme = head.get(schemeId) === "https" ? "https" : "http";
          const host = head.host || "assets.local";
          // Outcomes are no matter: without routing there is nobody else to ask.
          void this.#assets.serve(exchange, head, caller.choice, `${scheme}://${host}`, hostnameOf(host));
        },
        response: () => undefined,
        failed: (exchange) => exchange.respond(502, "", ""),
        refused: (exchange, { status, reason }) => exchange.respond(status, "Content-Type: text/plain\r\n", reason),
      },
    });
  }

  /** Closes the instance's socket. Answers in flight go on. */
  detach(instanceId: string): void {
    void this.#close(instanceId);
  }

  /** Closes all sockets at once; resolves when what is in flight is answered. */
  async detachAll(): Promise<void> {
    await Promise.all([...this.#attached.keys()].map((instanceId) => this.#close(instanceId)));
  }

  async #close(instanceId: string): Promise<void> {
    const attached = this.#attached.get(instanceId);
    if (!attached) return;
    this.#attached.delete(instanceId);
    attached.listener.close();
    this.#sites.keepOnly(new Set([...this.#attached.values()].map(({ site }) => site)));
    await attached.server.drain();
    attached.server.destroy();
  }
}

function hostnameOf(host: string): string {
  return host.toLowerCase().replace(/:\d+$/, "");
}
