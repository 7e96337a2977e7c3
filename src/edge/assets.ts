import type { Exchange } from "../lib/http/exchange.ts";
import type { Ticker } from "../lib/http/ticker.ts";
import { AssetServer } from "../products/assets/asset-server.ts";
import { Contents } from "../products/assets/contents.ts";
import { OpenSites } from "../products/assets/open-sites.ts";
import { directoryBlobs } from "../store/blobs.ts";
import type { Client } from "./client.ts";
import { headerNames } from "./headers.ts";
import { WorkerHints } from "./worker-hints.ts";

export interface EdgeAssetsOptions {
  /** Directory of the blob store: sites and their tables. */
  blobs: string;
  /** Directory of contents. */
  assets: string;
  /** Bytes of contents that this process may keep in memory. */
  cacheBytes: number;
  ticker: Ticker;
  /** A content that should be there cannot be read: refuses the request. */
  lost(exchange: Exchange<Client>): void;
}

/** Static assets at the edge. */
export class EdgeAssets {
  readonly sites: OpenSites;
  readonly contents: Contents;
  readonly server: AssetServer<Client>;
  readonly hints = new WorkerHints();

  constructor({ blobs, assets, cacheBytes, ticker, lost }: EdgeAssetsOptions) {
    this.contents = new Contents({ root: assets, maxBytes: cacheBytes, now: () => ticker.nowMs });
    this.sites = new OpenSites(directoryBlobs(blobs), this.contents);
    this.server = new AssetServer<Client>({
      sites: this.sites,
      names: headerNames,
      lines: (client) => `server: freehold\r\nDate: ${ticker.date}\r\nCF-Ray: ${client.ray}\r\n${client.answerFields}`,
      lost(exchange, error) {
        console.error("Static assets could not be read:", error instanceof Error ? error.message : error);
        lost(exchange);
      },
    });
  }
}
