import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import type { S3Place } from "../../store/blobs-s3.ts";
import { type ContentRange, type Contents, type ContentWriter, checkContentName } from "./contents.ts";

/** Contents from this size on go up in parts of it; each one that is being written takes about twice as much memory. */
const PART_BYTES = 8 * 1024 * 1024;

/** Contents as objects of an S3 bucket, for many machines: a bucket's objects become visible whole, as contents must. */
export class S3Contents implements Contents {
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #prefix: string;

  constructor({ client, bucket, prefix }: S3Place) {
    this.#client = client;
    this.#bucket = bucket;
    this.#prefix = prefix;
  }

  create(name: string): ContentWriter {
    return new S3Writer(this.#client, this.#named(name));
  }

  async read(name: string, offset: number, length: number): Promise<ContentRange> {
    const Range = `bytes=${offset}-${offset + length - 1}`;
    const { Body } = await this.#client.send(new GetObjectCommand({ ...this.#named(name), Range }));
    return { chunks: Body as AsyncIterable<Uint8Array>, length };
  }

  async copy(from: string, to: string): Promise<void> {
    const { Bucket, Key } = this.#named(from);
    const CopySource = `${Bucket}/${Key.split("/").map(encodeURIComponent).join("/")}`;
    await this.#client.send(new CopyObjectCommand({ ...this.#named(to), CopySource }));
  }

  async remove(name: string): Promise<void> {
    await this.#client.send(new DeleteObjectCommand(this.#named(name)));
  }

  #named(name: string): { Bucket: string; Key: string } {
    checkContentName(name);
    return { Bucket: this.#bucket, Key: this.#prefix + name };
  }
}

/** One part is on its way while the next is put together. */
class S3Writer implements ContentWriter {
  readonly #client: S3Client;
  readonly #named: { Bucket: string; Key: string };
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #uploadId: string | undefined;
  #parts: CompletedPart[] = [];
  #sending: Promise<void> = Promise.resolve();

  constructor(client: S3Client, named: { Bucket: string; Key: string }) {
    this.#client = client;
    this.#named = named;
  }

  async write(bytes: Buffer): Promise<void> {
    // The caller uses its memory again.
    let left = Buffer.from(bytes);
    while (this.#pendingBytes + left.length >= PART_BYTES) {
      const room = PART_BYTES - this.#pendingBytes;
      this.#keep(left.subarray(0, room));
      left = left.subarray(room);
      await this.#sending;
      this.#sending = this.#sendPart(this.#take());
      // Told to whoever waits for it.
      this.#sending.catch(() => {});
    }
    if (left.length > 0) this.#keep(left);
  }

  async finish(): Promise<void> {
    await this.#sending;
    const Body = this.#take();
    if (this.#uploadId === undefined) {
      await this.#client.send(new PutObjectCommand({ ...this.#named, Body }));
      return;
    }
    if (Body.length > 0) await this.#sendPart(Body);
    const named = { ...this.#named, UploadId: this.#uploadId };
    await this.#client.send(new CompleteMultipartUploadCommand({ ...named, MultipartUpload: { Parts: this.#parts } }));
  }

  async abandon(): Promise<void> {
    this.#take();
    await this.#sending.catch(() => {});
    if (this.#uploadId === undefined) return;
    const named = { ...this.#named, UploadId: this.#uploadId };
    // The bucket's own rules end an upload that stays.
    await this.#client.send(new AbortMultipartUploadCommand(named)).catch(() => {});
  }

  async #sendPart(Body: Buffer): Promise<void> {
    this.#uploadId ??= (await this.#client.send(new CreateMultipartUploadCommand(this.#named))).UploadId;
    const named = { ...this.#named, UploadId: this.#uploadId, PartNumber: this.#parts.length + 1 };
    const { ETag, ChecksumCRC32 } = await this.#client.send(new UploadPartCommand({ ...named, Body }));
    this.#parts.push({ PartNumber: named.PartNumber, ETag, ChecksumCRC32 });
  }

  #keep(bytes: Buffer): void {
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
  }

  #take(): Buffer {
    const bytes = this.#pending.length === 1 ? (this.#pending[0] as Buffer) : Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    return bytes;
  }
}
