/** CRC-64/NVME, reflected; in two halves of 32 bits, eight bytes a step ("slicing by 8"). */
const POLYNOMIAL = 0x9a6c9329ac4bc9b5n;

const low = new Uint32Array(8 * 256);
const high = new Uint32Array(8 * 256);
makeTables();

function makeTables(): void {
  const first: bigint[] = [];
  for (let byte = 0; byte < 256; byte++) {
    let value = BigInt(byte);
    for (let bit = 0; bit < 8; bit++) value = value & 1n ? (value >> 1n) ^ POLYNOMIAL : value >> 1n;
    first.push(value);
  }
  let row = first;
  for (let slice = 0; slice < 8; slice++) {
    row.forEach((value, byte) => {
      low[slice * 256 + byte] = Number(value & 0xffffffffn);
      high[slice * 256 + byte] = Number(value >> 32n);
    });
    row = row.map((value) => (value >> 8n) ^ (first[Number(value & 0xffn)] as bigint));
  }
}

export class Crc64Nvme {
  #low = 0xffffffff | 0;
  #high = 0xffffffff | 0;

  update(bytes: Uint8Array): void {
    let lo = this.#low;
    let hi = this.#high;
    let at = 0;
    for (const end = bytes.length - 7; at < end; at += 8) {
      lo ^=
        (bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24);
      hi ^=
        (bytes[at + 4] as number) |
        ((bytes[at + 5] as number) << 8) |
        ((bytes[at + 6] as number) << 16) |
        ((bytes[at + 7] as number) << 24);
      const a = 1792 + (lo & 255);
      const b = 1536 + ((lo >>> 8) & 255);
      const c = 1280 + ((lo >>> 16) & 255);
      const d = 1024 + (lo >>> 24);
      const e = 768 + (hi & 255);
      const f = 512 + ((hi >>> 8) & 255);
      const g = 256 + ((hi >>> 16) & 255);
      const h = hi >>> 24;
      lo = sum(low, a, b, c, d) ^ sum(low, e, f, g, h);
      hi = sum(high, a, b, c, d) ^ sum(high, e, f, g, h);
    }
    for (; at < bytes.length; at++) {
      const index = (lo ^ (bytes[at] as number)) & 255;
      lo = ((lo >>> 8) | (hi << 24)) ^ (low[index] as number);
      hi = (hi >>> 8) ^ (high[index] as number);
    }
    this.#low = lo;
    this.#high = hi;
  }

  /** Eight bytes, the most significant first. */
  digest(): Buffer {
    const result = Buffer.alloc(8);
    result.writeUInt32BE(~this.#high >>> 0, 0);
    result.writeUInt32BE(~this.#low >>> 0, 4);
    return result;
  }
}

function sum(table: Uint32Array, a: number, b: number, c: number, d: number): number {
  return (table[a] as number) ^ (table[b] as number) ^ (table[c] as number) ^ (table[d] as number);
}

/** The checksum of two texts one after the other, of their checksums and the second's length. */
export function crc64NvmeOfBoth(first: Uint8Array, second: Uint8Array, secondBytes: number): Buffer {
  const view = (bytes: Uint8Array) => Buffer.from(bytes).readBigUInt64BE();
  let value = view(first);
  // What one zero byte does to a checksum, as a matrix over bits; squared again and again for 2, 4, 8… bytes.
  let matrix = Array.from({ length: 64 }, (_, bit) => afterZeroByte(1n << BigInt(bit)));
  for (let left = secondBytes; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) value = times(matrix, value);
    matrix = matrix.map((column) => times(matrix, column));
  }
  const result = Buffer.alloc(8);
  result.writeBigUInt64BE(value ^ view(second));
  return result;
}

function afterZeroByte(value: bigint): bigint {
  let result = value;
  for (let bit = 0; bit < 8; bit++) result = result & 1n ? (result >> 1n) ^ POLYNOMIAL : result >> 1n;
  return result;
}

function times(matrix: bigint[], vector: bigint): bigint {
  let result = 0n;
  for (let bit = 0, rest = vector; rest > 0n; bit++, rest >>= 1n) if (rest & 1n) result ^= matrix[bit] as bigint;
  return result;
}
