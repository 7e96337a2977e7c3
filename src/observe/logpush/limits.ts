/** Bounds of jobs. Where the original has one, it is the original's (`workers-semantics.md` 6.6); the others are ours. */
export const logpushLimits = {
  /** Jobs of an account. */
  jobs: 10,
  nameChars: 512,
  destinationChars: 4096,
  headers: 32,
  filterBytes: 1000,
  filterOperators: 30,
  /** Prefixes, suffixes, delimiters. */
  affixChars: 1024,
  templateChars: 4096,
  /** `{{ … }}` of a template: each may put a whole event there. */
  templateActions: 64,
  uploadBytes: { min: 5_000_000, max: 1_000_000_000 },
  uploadRecords: { min: 1000, max: 1_000_000 },
  uploadSeconds: { min: 30, max: 300 },
} as const;

/** Logs and exceptions of a record, together. */
export const MAX_TEXT_CHARS = 16_384;
/** A record that is longer once it is written out is left out, and counted. */
export const MAX_RECORD_CHARS = 1024 * 1024;
/** Own: what jobs of one account write in a second, after a burst of ten seconds' worth: templates may make much of little. */
export const WRITTEN_CHARS_PER_SECOND = 16 * 1024 * 1024;
export const WRITTEN_BURST_CHARS = 10 * WRITTEN_CHARS_PER_SECOND;
/** A batch is ended by then, whatever the job says: it is put together in memory. */
export const MAX_BATCH_BYTES = 8 * 1024 * 1024;
/** Of a job that says nothing. */
export const DEFAULT_BATCH_RECORDS = 100_000;
/** Whoever has the power cut loses that much; a process that is killed loses nothing. */
export const SYNC_DELAY_MS = 1000;
/** Uploads side by side, of all accounts; of one account one at a time, so that nobody fills the lanes. */
export const UPLOAD_LANES = 16;
export const UPLOAD_MS = 30_000;
/** Of a server's answer; the rest is not listened to. */
export const MAX_ANSWER_BYTES = 16 * 1024;
/** Pauses after uploads that failed: doubled each time. */
export const RETRY_MS = { first: 1000, last: 300_000 } as const;
/** How long a challenge may be answered. */
export const CHALLENGE_SECONDS = 7 * 86_400;
/** Of what control asks services. */
export const MAX_ASKED_BYTES = 64 * 1024;
