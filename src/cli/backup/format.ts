/**
 * A backup: a tar archive, compressed with zstd. First {@link HEADER}, which says what can read it; then every file below
 * `data/`; last {@link MANIFEST}, so a backup that was cut short has none and is not taken for whole.
 */
import { createHash, type Hash } from "node:crypto";

/** Raised when an older Freehold could not read what a newer one writes. */
export const BACKUP_FORMAT = 1;
export const HEADER = "freehold-backup.json";
export const MANIFEST = "manifest.json";
/** Before the paths of files in the archive. */
export const DATA = "data/";

/** Of {@link HEADER} and {@link MANIFEST}. */
export interface BackupHeader {
  format: number;
  /** Version of the Freehold that wrote it. */
  freehold: string;
  /** ISO time of the beginning: what was acknowledged before is in it. */
  createdOn: string;
}

export interface BackupManifest extends BackupHeader {
  files: ManifestFile[];
}

export interface ManifestFile {
  /** Relative to the data directory. */
  path: string;
  /** Bytes. */
  size: number;
  /** SHA-256, hex. */
  sha256: string;
}

export function newHash(): Hash {
  return createHash("sha256");
}
