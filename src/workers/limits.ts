/** Numbers of the original (`workers-semantics.md` 3 and 4.1) unless said otherwise. */

/** Request body of an upload: the modules, their source maps and the form around them. Ours. */
export const MAX_UPLOAD_BYTES = 100_000_000;
/** All uploads together that are held in memory at once. Ours. */
export const MAX_UPLOADS_BYTES = 4 * MAX_UPLOAD_BYTES;
/** Sum of a version's modules, uncompressed, without source maps. */
export const MAX_MODULES_BYTES = 64 * 1024 * 1024;
/** Modules of one version, so that a launch plan stays small. Ours. */
export const MAX_MODULES = 5_000;
/** Length of a module's name in UTF-8 bytes. Ours. */
export const MAX_MODULE_NAME_BYTES = 1_024;
/** Text of `metadata`: bindings are limited to about 1 MB, dependencies and assets rules come on top. */
export const MAX_METADATA_BYTES = 4_000_000;
export const MAX_CPU_MS = 300_000;
export const DEFAULT_CPU_MS = 30_000;
export const MEMORY_MB = 128;

/** What a version without a compatibility date gets: the oldest date there is. */
export const OLDEST_COMPATIBILITY_DATE = "2021-11-02";

/** A script's name is a DNS label. */
export const MAX_SCRIPT_NAME_LENGTH = 63;
/** Begins the names of scripts that serve Pages projects, as with the original; no Worker may have one. */
export const PAGES_SCRIPT_PREFIX = "pages-worker--";
/** Begins the names of scripts of remote development; no Worker may have one. */
export const SESSION_SCRIPT_PREFIX = "remote-session--";
/** `<alias>-<script>` is a DNS label. */
export const MAX_LABEL_LENGTH = 63;
export const MAX_ALIASES = 1_000;

/** Versions that a deployment can name at all; how many it may have is configured. Ours. */
export const MAX_NAMED_VERSIONS = 100;
/** Begins the names of scripts that run named previews; no Worker may have one. */
export const PREVIEW_SCRIPT_PREFIX = "preview--";
/** Named previews of a Worker (`workers-semantics.md` 3.7, paid); the least recently deployed makes room. */
export const MAX_PREVIEWS = 500;
/** Name of a preview. Ours; a branch's name may be long. */
export const MAX_PREVIEW_NAME_LENGTH = 255;

/** How long a session of remote development lasts; the client begins another after 50 minutes. */
export const SESSION_LIFE_MS = 3_600_000;
/** Sessions of an account; the oldest ends when one more begins. Ours. */
export const MAX_SESSIONS = 50;

/** Deployments that a list shows: the newest ones. Ours; the client reads ten. */
export const LISTED_DEPLOYMENTS = 100;
/** Annotation `workers/message`; the client cuts at 100 to 120 characters. Ours. */
export const MAX_ANNOTATION_LENGTH = 1_000;
/** Tags of a script. Ours. */
export const MAX_TAGS = 100;
/** Tail Workers of one script. Ours. */
export const MAX_TAIL_CONSUMERS = 10;

/** The one environment of every script. */
export const ENVIRONMENT = "production";

/** Zones of an account. Ours: each has a certificate, which is made before the next publication goes out. */
export const MAX_ZONES = 500;

/** Custom domains of an account outside of all zones, for the same reason. Ours. */
export const MAX_DOMAINS_WITHOUT_ZONE = 500;

/** Routes of a zone, and custom domains in it (workers-semantics.md 1.2). */
export const MAX_ROUTES_PER_ZONE = 1000;
export const MAX_DOMAINS_PER_ZONE = 100;
