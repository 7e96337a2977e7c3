/** The checksums that S3 clients ask for, over bytes as they come. */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { Crc32c } from "../../lib/crc32c.ts";
import { Crc64Nvme } from "../../lib/crc64-nvme.ts";

/** As `x-amz-checksum-algorithm` names them. */
export const checksumAlgorithms = ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"] as const;

export type ChecksumAlgorithm = (typeof checksumAlgorithms)[number];

/** Bytes of a checksum. */
export const checksumBytes: Record<ChecksumAlgorithm, number> = {
  CRC32: 4,
  CRC32C: 4,
  CRC64NVME: 8,
  SHA1: 20,
  SHA256: 32,
};

export interface RunningChecksum {
  update(bytes: Uint8Array): unknown;
  digest(): Buffer;
}

export function startChecksum(algorithm: ChecksumAlgorithm | "MD5"): RunningChecksum {
  switch (algorithm) {
    case "CRC32":
      return new Crc32();
    case "CRC32C":
      return new Crc32c();
    case "CRC64NVME":
      return new Crc64Nvme();
    default:
      return createHash(algorithm.toLowerCase());
  }
}

/** The algorithm with this name, in any case. */
export function checksumAlgorithm(name: string): ChecksumAlgorithm | undefined {
  return checksumAlgorithms.find((known) => known === name.toUpperCase());
}

/** `x-amz-checksum-<algorithm>`. */
export function checksumHeader(algorithm: ChecksumAlgorithm): string {
  return `x-amz-checksum-${algorithm.toLowerCase()}`;
}

class Crc32 implements RunningChecksum {
  #value = 0;

  update(bytes: Uint8Array): void {
    this.#value = crc32(bytes, this.#value);
  }

  digest(): Buffer {
    const result = Buffer.alloc(4);
    result.writeUInt32BE(this.#value);
    return result;
  }
}
