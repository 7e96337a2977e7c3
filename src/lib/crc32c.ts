/** CRC-32C (Castagnoli), reflected; eight bytes a step ("slicing by 8"). */
const POLYNOMIAL = 0x82f63b78;

const tables = makeTables();

function makeTables(): Uint32Array {
  const table = new Uint32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1;
    table[byte] = value;
  }
  for (let at = 256; at < table.length; at++) {
    const value = table[at - 256] as number;
    table[at] = (value >>> 8) ^ (table[value & 255] as number);
  }
  return table;
}

export class Crc32c {
  #value = 0xffffffff;

  update(bytes: Uint8Array): void {
    let value = this.#value;
    let at = 0;
    const t = tables;
    for (const end = bytes.length - 7; at < end; at += 8) {
      value ^=
        (bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24);
      value =
        (t[1792 + (value & 255)] as number) ^
        (t[1536 + ((value >>> 8) & 255)] as number) ^
        (t[1280 + ((value >>> 16) & 255)] as number) ^
        (t[1024 + (value >>> 24)] as number) ^
        (t[768 + (bytes[at + 4] as number)] as number) ^
        (t[512 + (bytes[at + 5] as number)] as number) ^
        (t[256 + (bytes[at + 6] as number)] as number) ^
        (t[bytes[at + 7] as number] as number);
    }
    for (; at < bytes.length; at++) value = (value >>> 8) ^ (t[(value ^ (bytes[at] as number)) & 255] as number);
    this.#value = value;
  }

  /** Four bytes, the most significant first. */
  digest(): Buffer {
    const result = Buffer.alloc(4);
    result.writeUInt32BE((this.#value ^ 0xffffffff) >>> 0);
    return result;
  }
}
