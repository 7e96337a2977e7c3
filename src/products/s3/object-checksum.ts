/** Checksums as they are kept with objects, parts and uploads, and what becomes of those of parts. */

import { crc64NvmeOfBoth } from "../../lib/crc64-nvme.ts";
import type { Arrived, Part, Upload } from "../r2/model.ts";
import type { Checksum } from "./body.ts";
import { type ChecksumAlgorithm, checksumAlgorithms, checksumHeader, startChecksum } from "./checksums.ts";

/** Of a whole object, or made of those of its parts (the original's table: CRC64NVME is the former, all others the latter). */
export type ChecksumType = "FULL_OBJECT" | "COMPOSITE";

export function typeInParts(algorithm: ChecksumAlgorithm): ChecksumType {
  return algorithm === "CRC64NVME" ? "FULL_OBJECT" : "COMPOSITE";
}

/** The text that is kept. */
export function keptChecksum(checksum: Checksum | undefined): Arrived | undefined {
  return checksum && { s3: JSON.stringify(checksum) };
}

/** The checksum in a text that was kept. */
export function checksumOf(s3: string | undefined): Checksum | undefined {
  const { algorithm, value } = s3 === undefined ? {} : (JSON.parse(s3) as Partial<Checksum>);
  // An upload whose parts had none has the algorithm alone.
  return algorithm && value ? { algorithm, value } : undefined;
}

/** Headers that say the checksum. */
export function checksumFields(s3: string | undefined): Record<string, string> {
  const checksum = checksumOf(s3);
  if (checksum === undefined) return {};
  const type: ChecksumType = checksum.value.includes("-") ? "COMPOSITE" : "FULL_OBJECT";
  return { [checksumHeader(checksum.algorithm)]: checksum.value, "x-amz-checksum-type": type };
}

/** Elements that say the checksum in a document. */
export function checksumElements(s3: string | undefined): Record<string, string> {
  const checksum = checksumOf(s3);
  return checksum === undefined ? {} : { [`Checksum${checksum.algorithm}`]: checksum.value };
}

/** What an upload is kept with: the algorithm of its parts' checksums. */
export function keptAlgorithm(algorithm: ChecksumAlgorithm): string {
  return JSON.stringify({ algorithm });
}

export function algorithmOf({ s3 }: Pick<Upload, "s3">): ChecksumAlgorithm | undefined {
  const { algorithm } = s3 === undefined ? {} : (JSON.parse(s3) as { algorithm?: string });
  return checksumAlgorithms.find((known) => known === algorithm);
}

/** The checksum of an object made of these parts; undefined when one of them has none of the algorithm. */
export function checksumOfParts(algorithm: ChecksumAlgorithm, parts: Part[]): Checksum | undefined {
  const values: Buffer[] = [];
  for (const part of parts) {
    const checksum = checksumOf(part.s3);
    if (checksum?.algorithm !== algorithm) return undefined;
    values.push(Buffer.from(checksum.value, "base64"));
  }
  if (typeInParts(algorithm) === "FULL_OBJECT") {
    const whole = values.reduce((sum, value, index) => crc64NvmeOfBoth(sum, value, parts[index]?.size ?? 0));
    return { algorithm, value: whole.toString("base64") };
  }
  const running = startChecksum(algorithm);
  for (const value of values) running.update(value);
  return { algorithm, value: `${running.digest().toString("base64")}-${parts.length}` };
}
