import { afterAll, beforeAll, describe } from "vitest";
import { s3Blobs } from "../../store/blobs-s3.ts";
import { blobsContract } from "../../store/testing-blobs.ts";
import { startTestS3, type TestS3 } from "./testing-server.ts";

let s3: TestS3;
beforeAll(async () => {
  s3 = await startTestS3();
});
afterAll(() => s3.close());

describe("s3Blobs", () => {
  blobsContract(() => s3Blobs({ ...s3, prefix: "blobs/" }));
});
