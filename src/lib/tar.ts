/**
 * Archives of plain files in the ustar format of POSIX.1-1988 (sizes from 8 GiB on as GNU writes them), which any `tar`
 * reads. Only what we write is read back: regular files.
 */
const BLOCK_BYTES = 512;
/** Largest size that the header's eleven octal digits hold. */
const MAX_OCTAL_SIZE = 8 ** 11 - 1;

/** What the archive says about a file. */
export interface TarFile {
  /** Relative, with `/`; at most about 255 bytes. */
  name: string;
  /** Bytes. */
  size: number;
  /** Permission bits. */
  mode: number;
  /** Seconds since 1970. */
  modifiedSeconds: number;
}

/** A file in an archive. Its content must be read, whole, before the next one is asked for. */
export interface TarEntry extends TarFile {
  content(): AsyncGenerator<Buffer>;
}

/** An archive that is damaged or not ours. */
export class TarError extends Error {
  override name = "TarError";
}

/** The block before a file's content. Throws RangeError when the name does not fit. */
export function tarHeader(file: TarFile): Buffer {
  const header = Buffer.alloc(BLOCK_BYTES);
  const { prefix, rest } = splitName(file.name);
  header.write(rest, 0, 100, "utf8");
  writeOctal(header, file.mode, 100, 8);
  writeOctal(header, 0, 108, 8);
  writeOctal(header, 0, 116, 8);
  if (file.size <= MAX_OCTAL_SIZE) writeOctal(header, file.size, 124, 12);
  else {
    header[124] = 0x80;
    header.writeBigUInt64BE(BigInt(file.size), 128);
  }
  writeOctal(header, Math.floor(file.modifiedSeconds), 136, 12);
  header.write("0", 156, "latin1");
  header.write("ustar\x0000", 257, "latin1");
  header.write(prefix, 345, 155, "utf8");
  header.write(`${checksum(header).toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return header;
}

/** Zeros after a content of this size, up to the next block. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES);
}

/** What stands after the last file. */
export const tarEnd: Buffer = Buffer.alloc(2 * BLOCK_BYTES);

/** The files of an archive, in order. Throws {@link TarError} on a damaged one; one that ends without its end mark is damaged. */
export async function* readTar(archive: AsyncIterable<Buffer>): AsyncGenerator<TarEntry> {
  const source = new Chunks(archive);
  for (;;) {
    const header = await source.exactly(BLOCK_BYTES);
    if (header.every((byte) => byte === 0)) break;
    const file = parseHeader(header);
    let left = file.size;
    yield {
      ...file,
      async *content() {
        while (left > 0) {
          const chunk = await source.atMost(left);
          left -= chunk.length;
          yield chunk;
        }
      },
    };
    if (left > 0) throw new Error(`the content of ${file.name} was not read`);
    await source.exactly(tarPadding(file.size).length);
  }
  await source.drain();
}

function parseHeader(header: Buffer): TarFile {
  const told = Number.parseInt(text(header, 148, 8), 8);
  if (told !== checksum(header)) throw new TarError("a header is damaged");
  if (text(header, 257, 5) !== "ustar" || (header[156] !== 0x30 && header[156] !== 0)) {
    throw new TarError("it holds something else than plain files");
  }
  const prefix = text(header, 345, 155);
  const rest = text(header, 0, 100);
  const size = header[124] === 0x80 ? Number(header.readBigUInt64BE(128)) : Number.parseInt(text(header, 124, 12), 8);
  const mode = Number.parseInt(text(header, 100, 8), 8);
  const modifiedSeconds = Number.parseInt(text(header, 136, 12), 8);
  if (!Number.isSafeInteger(size) || size < 0 || Number.isNaN(mode)) throw new TarError("a header is damaged");
  return { name: prefix === "" ? rest : `${prefix}/${rest}`, size, mode, modifiedSeconds };
}

/** Names longer than 100 bytes are cut in two at a slash. */
function splitName(name: string): { prefix: string; rest: string } {
  if (Buffer.byteLength(name) <= 100) return { prefix: "", rest: name };
  for (let at = name.indexOf("/"); at >= 0; at = name.indexOf("/", at + 1)) {
    const prefix = name.slice(0, at);
    const rest = name.slice(at + 1);
    if (Buffer.byteLength(rest) <= 100 && Buffer.byteLength(prefix) <= 155) return { prefix, rest };
  }
  throw new RangeError(`the name ${name} is too long for an archive`);
}

/** Sum of the header's bytes, with spaces in place of the sum itself. */
function checksum(header: Buffer): number {
  let sum = 8 * 0x20;
  for (let index = 0; index < BLOCK_BYTES; index++) {
    if (index < 148 || index >= 156) sum += header[index] ?? 0;
  }
  return sum;
}

function writeOctal(header: Buffer, value: number, at: number, length: number): void {
  header.write(`${value.toString(8).padStart(length - 1, "0")}\0`, at, "latin1");
}

function text(header: Buffer, at: number, length: number): string {
  const field = header.subarray(at, at + length);
  const end = field.indexOf(0);
  return field.toString("utf8", 0, end < 0 ? length : end).trim();
}

/** A stream of chunks, taken by length. */
class Chunks {
  readonly #iterator: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#iterator = source[Symbol.asyncIterator]();
  }

  /** 1 to `length` bytes; not copied. */
  async atMost(length: number): Promise<Buffer> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#iterator.next();
      if (done) throw new TarError("it ends too early");
      this.#rest = value;
    }
    const taken = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(taken.length);
    return taken;
  }

  async exactly(length: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let left = length; left > 0; ) {
      const part = await this.atMost(left);
      parts.push(part);
      left -= part.length;
    }
    return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
  }

  /** Reads to the end, so that a check sum there is looked at. */
  async drain(): Promise<void> {
    while (!(await this.#iterator.next()).done);
  }
}
