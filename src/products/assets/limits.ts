/**
 * Numbers of static assets, each with its source. `documented`: Cloudflare's public documentation
 * (workers-semantics.md 2); `client`: what wrangler enforces (wrangler-api.md 9); `own`: Freehold's bound.
 */

const MIB = 1024 * 1024;

/** What an operator may change. */
export interface AssetLimits {
  /** Files of one version. Documented: 20,000 free, 100,000 paid. */
  files: number;
  /** Bytes of one file. Documented: 25 MiB. */
  fileBytes: number;
  /** Lifetime of upload and completion tokens in seconds. Documented: one hour. */
  tokenLifeSeconds: number;
  /** Bytes of the files of one upload request. Documented: about 50 MiB. */
  bucketBytes: number;
  /** Files of one upload request. Own: bounds the parts of a multipart body. */
  bucketFiles: number;
}

export const DEFAULT_LIMITS: AssetLimits = {
  files: 100_000,
  fileBytes: 25 * MIB,
  tokenLifeSeconds: 3600,
  bucketBytes: 50 * MIB,
  bucketFiles: 2000,
};

/** UTF-16 units of one path. Own: no file system gives longer ones; bounds every look-up by path. */
export const MAX_PATH_CHARS = 4096;

/** `_headers` (documented). Rules beyond are ignored with a diagnostic. */
export const MAX_HEADER_RULES = 100;
/** Header lines of one rule. Own. */
export const MAX_HEADERS_PER_RULE = 100;
/** Characters of one line of `_headers` and `_redirects` (client; the documentation says 1,000 for redirects). */
export const MAX_LINE_CHARS = 2000;
/** Characters of each of the two files. Own: above what the rule and line limits allow to matter. */
export const MAX_RULES_FILE_CHARS = 5_000_000;
/** Lines of each of the two files. Own: bounds the time that an upload may take to be checked. */
export const MAX_RULES_FILE_LINES = 20_000;
/** Characters that header rules may add to one response. Own: `:splat` can repeat a long path many times. */
export const MAX_APPLIED_HEADER_CHARS = 16_384;

/** Placeholders of one rule. Own: more serve nobody, and each costs time on every request that is matched. */
export const MAX_PLACEHOLDERS = 20;

/** `_redirects` (documented). */
export const MAX_STATIC_REDIRECTS = 2000;
export const MAX_DYNAMIC_REDIRECTS = 100;
/** Characters of a `Location` or rewritten path. Own: clients and proxies refuse longer headers. */
export const MAX_DESTINATION_CHARS = 8192;

/** `run_worker_first` (client). */
export const MAX_WORKER_FIRST_RULES = 100;
export const MAX_WORKER_FIRST_RULE_CHARS = 100;

/** `_routes.json` (documented). */
export const MAX_ROUTES_RULES = 100;
export const MAX_ROUTES_RULE_CHARS = 100;

/** Diagnostics kept per file. Own: a broken file can hold a mistake on each line. */
export const MAX_DIAGNOSTICS = 200;

/** Ranges are read from values up to this many characters. Own. */
export const MAX_RANGE_CHARS = 64;
/** Entity tags are looked for in the first so many characters of `If-None-Match`. Own. */
export const MAX_IF_NONE_MATCH_CHARS = 4096;

/** Bodies below this are never compressed: they fit one packet either way. Own. */
export const MIN_COMPRESSIBLE_BYTES = 512;

/** HTML that is searched for `<link>` elements, in bytes from its start. Own: heads are shorter. */
export const MAX_HINT_HTML_BYTES = 128 * 1024;
/** `Link` values of one Early Hints response. Own: browsers act on the first few. */
export const MAX_HINT_LINKS = 32;
/** Characters of all `Link` values of one Early Hints response. Own. */
export const MAX_HINT_CHARS = 4096;

/** Of `base_path`. Ours. */
export const MAX_BASE_PATH_CHARS = 1000;
