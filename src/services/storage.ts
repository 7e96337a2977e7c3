import type { Server } from "node:net";
import { storageHost } from "../domain/storage-host.ts";
import type { Exchange } from "../lib/http/exchange.ts";
import { HeaderNames } from "../lib/http/header-names.ts";
import type { RequestHead } from "../lib/http/request-head.ts";
import { HttpServer } from "../lib/http/server.ts";
import { Ticker } from "../lib/http/ticker.ts";
import type { Bucket } from "../products/r2/bucket.ts";
import { servePublic } from "../products/r2/public.ts";
import { errorAnswer, sendAnswer } from "../products/s3/answer.ts";
import { S3Error } from "../products/s3/errors.ts";
import { s3Limits } from "../products/s3/limits.ts";
import { type S3Options, serveS3 } from "../products/s3/service.ts";
import type { BucketDomains } from "./snapshot.ts";
import { listenAt } from "./unix-listener.ts";

export interface StorageOptions extends S3Options {
  /** Base domain of all host names. */
  domain: string;
  bucketDomains: Pick<BucketDomains, "find">;
}

/** What edges hand over for the hosts of storage: the S3 API, and buckets that are open to everyone. */
export class Storage {
  readonly #options: StorageOptions;
  readonly #server: HttpServer<undefined>;
  #listener: Server | undefined;

  constructor(options: StorageOptions) {
    this.#options = options;
    this.#server = new HttpServer<undefined>({
      names: new HeaderNames(),
      ticker: new Ticker(),
      handler: {
        opened: () => undefined,
        request: (exchange, head) => this.#serve(exchange, head),
        response: () => undefined,
        failed: (exchange) => exchange.respond(502, "", ""),
        refused: (exchange, { status, reason }) => {
          const { fields, body } = errorAnswer(new S3Error("InvalidRequest", reason), "");
          void sendAnswer(exchange, "GET", { status, ...(fields && { fields }), ...(body && { body }) });
        },
      },
    });
  }

  async listen(path: string): Promise<void> {
    const options = { maxConnections: s3Limits.connections };
    this.#listener = await listenAt(path, (socket) => this.#server.accept(socket), options);
  }

  /** Takes nothing new; resolves when what is in flight is answered. */
  async close(): Promise<void> {
    this.#listener?.close();
    await this.#server.drain();
    this.#server.destroy();
  }

  #serve(exchange: Exchange<undefined>, head: RequestHead): void {
    const host = storageHost(head.host, this.#options.domain);
    if (host?.kind === "s3") {
      serveS3(this.#options, exchange, head, host);
      return;
    }
    const { buckets } = this.#options;
    const bucket = host === undefined ? this.#bucketOf(head.host) : buckets.findPublic(host.id);
    servePublic(bucket, exchange, { method: head.method, target: head.target, headers: head.fields() });
  }

  #bucketOf(host: string): Bucket | undefined {
    const { buckets, bucketDomains } = this.#options;
    const domain = bucketDomains.find(host);
    return domain && buckets.findById(domain.accountId, domain.bucketId);
  }
}
