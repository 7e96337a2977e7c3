/** Bounds of the S3 API. Those of objects and buckets themselves are R2's (`../r2/limits.ts`). */
export const s3Limits = {
  /** How far a client's clock may be off, both ways (S3's own rule). */
  clockSkewMs: 15 * 60_000,
  /** "1 s–7 days" (workers-semantics.md 10.3). */
  maxPresignedSeconds: 7 * 86_400,
  /** Query parameters of one request; the longest real ones have about twenty. */
  maxQueryParameters: 100,
  /** Signing keys kept, one for each access key, day and region in use. */
  signingKeys: 1000,
  /** A chunk's line in the aws-chunked coding: 16 digits and a signature of 64 with its name. */
  chunkLineBytes: 256,
  /** Trailing headers of such a body: a checksum and a signature. */
  trailerBytes: 4096,
  /** Body of a request that is an XML document: 1,000 keys of 1,024 bytes with their markup, 10,000 parts with theirs. */
  xmlBytes: 8 * 1024 * 1024,
  /** Of a bucket's settings: S3's own limit for CORS rules; 1,000 lifecycle rules with prefixes of 1,024 bytes. */
  corsBytes: 64 * 1024,
  lifecycleBytes: 2 * 1024 * 1024,
  /** Nesting of such a document; the deepest known one has six levels. */
  xmlDepth: 16,
  /** Nodes of such a document. */
  xmlNodes: 100_000,
  /** Access keys of one account. */
  accessKeys: 1000,
  /** Buckets that one access key may name. */
  bucketsOfKey: 100,
  /** Accounts in which a preflight request that names none looks for its bucket. */
  preflightAccounts: 100,
  /** Connections of edges. */
  connections: 10_000,
  /** What has come of a body and was not taken yet, before the sender has to wait. */
  queuedBodyBytes: 1024 * 1024,
} as const;
