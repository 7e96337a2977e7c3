/** The S3 API for tests: real buckets in a temporary directory, on a port of its own. */
import { mkdtempSync, rmSync } from "node:fs";
import { Agent } from "node:http";
import { type AddressInfo, createServer, type LookupFunction } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { S3Client } from "@aws-sdk/client-s3";
import { storageHost } from "../../domain/storage-host.ts";
import { HeaderNames } from "../../lib/http/header-names.ts";
import { HttpServer } from "../../lib/http/server.ts";
import { Ticker } from "../../lib/http/ticker.ts";
import { Buckets } from "../r2/buckets.ts";
import { serveS3 } from "./service.ts";
import { ACCOUNT, KEY_ID, SECRET, testKeys } from "./testing.ts";

export interface TestS3 {
  client: S3Client;
  port: number;
  /** One that is there. */
  bucket: string;
  close(): Promise<void>;
}

export async function startTestS3(): Promise<TestS3> {
  const directory = mkdtempSync(join(tmpdir(), "freehold-s3-"));
  const buckets = new Buckets(directory);
  const bucket = "test-bucket";
  await buckets.create(ACCOUNT, bucket);
  const keys = testKeys();
  const server = new HttpServer<undefined>({
    names: new HeaderNames(),
    ticker: new Ticker(),
    handler: {
      opened: () => undefined,
      request: (exchange, head) => {
        const host = storageHost(head.host, "localhost");
        if (host?.kind === "s3") serveS3({ keys, buckets }, exchange, head, host);
        else exchange.respond(404, "", "");
      },
      response: () => undefined,
      failed: (exchange) => exchange.respond(502, "", ""),
      refused: (exchange, { status }) => exchange.respond(status, "", ""),
    },
  });
  const listener = createServer({ allowHalfOpen: true }, (socket) => server.accept(socket));
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const { port } = listener.address() as AddressInfo;
  const client = new S3Client({
    region: "auto",
    endpoint: `http://s3.localhost:${port}`,
    credentials: { accessKeyId: KEY_ID, secretAccessKey: SECRET },
    requestHandler: { httpAgent: new Agent({ keepAlive: true, lookup }) },
  });
  return {
    client,
    port,
    bucket,
    async close() {
      client.destroy();
      listener.close();
      await server.drain();
      server.destroy();
      buckets.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Names under `localhost` are not known to every resolver. */
const lookup: LookupFunction = (_, { all }, callback) => {
  if (all) callback(null, [{ address: "127.0.0.1", family: 4 }]);
  else callback(null, "127.0.0.1", 4);
};
