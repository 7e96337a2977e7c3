/**
 * Contents under a key of the customer (SSE-C): AES-256-GCM in blocks, so that a range is read without the rest. A content
 * begins with 32 random bytes, from which with the customer's key its own key comes; block n has n as its nonce, and the
 * last one says that it is the last. So blocks cannot be moved, left out or taken from elsewhere unnoticed.
 */
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from "node:crypto";
import { readBytes } from "./content-bytes.ts";
import type { Contents, ContentWriter } from "./contents.ts";
import { invalidArgument, wrongKey } from "./errors.ts";
import type { CustomerKey } from "./model.ts";
import type { Piece } from "./rows.ts";

const BLOCK_BYTES = 64 * 1024;
const TAG_BYTES = 16;
const SALT_BYTES = 32;

/** MD5 of a customer's key, in hex: what is kept of it. */
export function customerKeyMd5(key: CustomerKey): string {
  if (key.length !== 32) throw invalidArgument("A customer's key (SSE-C) has 32 bytes.");
  return createHash("md5").update(key).digest("hex");
}

/** Error 10003 unless the key is the one that something is encrypted with, or it is not encrypted and none was given. */
export function checkCustomerKey(key: CustomerKey | undefined, md5: string | undefined): void {
  if ((key === undefined ? undefined : customerKeyMd5(key)) !== md5) throw wrongKey();
}

/** Encrypts what is written to it. */
export class SealingWriter implements ContentWriter {
  readonly #inner: ContentWriter;
  readonly #key: Buffer;
  readonly #salt = randomBytes(SALT_BYTES);
  #block = 0;
  #pending: Buffer = Buffer.alloc(0);

  constructor(inner: ContentWriter, key: CustomerKey) {
    this.#inner = inner;
    this.#key = contentKey(key, this.#salt);
    this.#pending = Buffer.alloc(0);
  }

  async write(bytes: Buffer): Promise<void> {
    const all = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
    const sealed: Buffer[] = [];
    let at = 0;
    // One stays behind: it may be the last.
    for (; all.length - at > BLOCK_BYTES; at += BLOCK_BYTES)
      sealed.push(...this.#seal(all.subarray(at, at + BLOCK_BYTES), false));
    this.#pending = Buffer.from(all.subarray(at));
    if (sealed.length > 0) await this.#inner.write(Buffer.concat(sealed));
  }

  async finish(): Promise<void> {
    await this.#inner.write(Buffer.concat(this.#seal(this.#pending, true)));
    await this.#inner.finish();
  }

  abandon(): Promise<void> {
    return this.#inner.abandon();
  }

  #seal(plain: Buffer, last: boolean): Buffer[] {
    const cipher = createCipheriv("aes-256-gcm", this.#key, nonce(this.#block, last));
    const begin = this.#block === 0 ? [this.#salt] : [];
    this.#block++;
    return [...begin, cipher.update(plain), cipher.final(), cipher.getAuthTag()];
  }
}

/** Plain bytes of a range of an encrypted piece. */
export async function* readSealed(
  contents: Contents,
  { file, size }: Piece,
  key: CustomerKey,
  offset: number,
  length: number,
): AsyncGenerator<Buffer, void> {
  const salt = await readBytes(await contents.read(file, 0, SALT_BYTES));
  const ownKey = contentKey(key, salt);
  const lastBlock = Math.max(0, Math.ceil(size / BLOCK_BYTES) - 1);
  const end = offset + length;
  for (let block = Math.floor(offset / BLOCK_BYTES); block * BLOCK_BYTES < end; block++) {
    const start = block * BLOCK_BYTES;
    const plainBytes = Math.min(BLOCK_BYTES, size - start);
    const at = SALT_BYTES + block * (BLOCK_BYTES + TAG_BYTES);
    const sealed = await readBytes(await contents.read(file, at, plainBytes + TAG_BYTES));
    const decipher = createDecipheriv("aes-256-gcm", ownKey, nonce(block, block === lastBlock));
    decipher.setAuthTag(sealed.subarray(plainBytes));
    const plain = Buffer.concat([decipher.update(sealed.subarray(0, plainBytes)), decipher.final()]);
    yield plain.subarray(Math.max(0, offset - start), Math.min(plainBytes, end - start));
  }
}

function contentKey(key: CustomerKey, salt: Buffer): Buffer {
  return Buffer.from(hkdfSync("sha256", key, salt, "freehold r2 content", 32));
}

function nonce(block: number, last: boolean): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt32BE(last ? 1 : 0, 0);
  bytes.writeBigUInt64BE(BigInt(block), 4);
  return bytes;
}
