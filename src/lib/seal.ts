import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, unlinkSync, writeSync } from "node:fs";
import { dirname } from "node:path";

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** A text under the master key: base64 of nonce (12 bytes), tag (16 bytes) and ciphertext (AES-256-GCM). */
export interface SealedText {
  sealed: string;
}

/** The key is missing or malformed, or a sealed text was not made with this key. */
export class SealError extends Error {
  override name = "SealError";
}

/**
 * Makes the master key file (32 random bytes, mode 0600) unless there is one, and returns the key.
 * Several processes may call it at once: all get the same key.
 */
export function createMasterKey(path: string): Buffer {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${process.pid}.${randomBytes(4).toString("hex")}`;
  const file = openSync(draft, "wx", 0o600);
  try {
    writeSync(file, randomBytes(KEY_BYTES));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  try {
    // A link appears whole or not at all, and never replaces a key that others already use.
    linkSync(draft, path);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  } finally {
    unlinkSync(draft);
  }
  return loadMasterKey(path);
}

/** Reads the master key. Throws {@link SealError} when the file is not a key, and the file system's error when there is none. */
export function loadMasterKey(path: string): Buffer {
  const key = readFileSync(path);
  if (key.length !== KEY_BYTES)
    throw new SealError(`${path} is not a master key: it has ${key.length} bytes, not ${KEY_BYTES}.`);
  return key;
}

/** Derives a key of 32 bytes for one purpose (HKDF with SHA-256), so that the master key itself signs nothing. */
export function deriveKey(key: Buffer, purpose: string): Buffer {
  return Buffer.from(hkdfSync("sha256", key, "", purpose, KEY_BYTES));
}

/** Seals a text. The same text sealed twice gives different results. */
export function seal(key: Buffer, text: string): SealedText {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  const ciphertext = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
  return { sealed: Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]).toString("base64") };
}

/** Opens a sealed text. Throws {@link SealError} when it was changed or made with another key. */
export function unseal(key: Buffer, sealed: SealedText): string {
  const bytes = Buffer.from(sealed.sealed, "base64");
  if (bytes.length < NONCE_BYTES + TAG_BYTES) throw new SealError("a sealed value is too short to be one");
  const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]).toString("utf8");
  } catch {
    throw new SealError("a sealed value does not open with this master key; was master.key replaced?");
  }
}
