import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { type ChecksumAlgorithm, startChecksum } from "./checksums.ts";

// The check values of each algorithm's definition, over the digits 1 to 9.
test.each<[ChecksumAlgorithm, string]>([
  ["CRC32", "cbf43926"],
  ["CRC32C", "e3069283"],
  ["CRC64NVME", "ae8b14860a799888"],
  ["SHA1", "f7c3bc1d808e04732adf679965ccc34ca7ae3441"],
  ["SHA256", "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"],
])("%s", (algorithm, check) => {
  const whole = startChecksum(algorithm);
  whole.update(Buffer.from("123456789"));
  expect(whole.digest().toString("hex")).toBe(check);

  const bytes = randomBytes(1000);
  const [one, split] = [startChecksum(algorithm), startChecksum(algorithm)];
  one.update(bytes);
  for (let at = 0; at < bytes.length; at += 1 + (at % 13)) split.update(bytes.subarray(at, at + 1 + (at % 13)));
  expect(split.digest()).toEqual(one.digest());
});
