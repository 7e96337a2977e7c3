import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { AttachRequest } from "../domain/messages.ts";
import type { LaunchRecord } from "../domain/version.ts";
import type { Exchange } from "../lib/http/exchange.ts";
import { HeaderNames } from "../lib/http/header-names.ts";
import type { RequestHead } from "../lib/http/request-head.ts";
import { Ticker } from "../lib/http/ticker.ts";
import { assetHeaderNames } from "../products/assets/asset-request.ts";
import { AssetServer, type SiteChoice } from "../products/assets/asset-server.ts";
import { SCHEME_HEADER } from "../products/assets/binding.ts";
import { Contents } from "../products/assets/contents.ts";
import { OpenSites } from "../products/assets/open-sites.ts";
import { directoryBlobs } from "../store/blobs.ts";
import { InstanceSockets } from "./instance-sockets.ts";
import { ASSET_CACHE_BYTES, MAX_LINK_CONNECTIONS } from "./limits.ts";

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

const names = new HeaderNames([...assetHeaderNames, SCHEME_HEADER]);
const schemeId = names.id(SCHEME_HEADER);

/** The sockets behind `env.ASSETS`: plain HTTP, answered with the calling version's files by the code that the edge uses. */
export class AssetSockets {
  readonly #options: AssetSocketsOptions;
  readonly #ticker = new Ticker();
  readonly #sites: OpenSites;
  readonly #assets: AssetServer<Caller>;
  readonly #sockets = new InstanceSockets<Caller>({
    names,
    ticker: this.#ticker,
    maxConnections: MAX_LINK_CONNECTIONS,
    request: (exchange, head) => this.#serve(exchange, head),
  });

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
    await this.#sockets.open(instanceId, join(directory, assets.socket), caller);
  }

  #serve(exchange: Exchange<Caller>, head: RequestHead): void {
    const scheme = head.get(schemeId) === "https" ? "https" : "http";
    const host = head.host || "assets.local";
    // Outcomes are no matter: without routing there is nobody else to ask.
    void this.#assets.serve(exchange, head, exchange.state.choice, `${scheme}://${host}`, hostnameOf(host));
  }

  /** Closes the instance's socket. Answers in flight go on. */
  detach(instanceId: string): void {
    void this.#sockets.close(instanceId);
    this.#sites.keepOnly(new Set(this.#sockets.callers.map(({ choice }) => choice.site)));
  }

  /** Closes all sockets at once; resolves when what is in flight is answered. */
  detachAll(): Promise<void> {
    return this.#sockets.closeAll();
  }
}

function hostnameOf(host: string): string {
  return host.toLowerCase().replace(/:\d+$/, "");
}
