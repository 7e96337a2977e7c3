/** What an error page says. Codes below 1000 are the HTTP status itself. */
export interface PageText {
  code: number;
  status: number;
  title: string;
  explanation: string;
  /** What the visitor, or the Worker's author, can do. */
  remedy: string;
}

function entry(code: number, status: number, title: string, explanation: string, remedy: string): PageText {
  return { code, status, title, explanation, remedy };
}

// Until the platform keeps logs, the runtime on the author's machine says the same.
const AUTHOR = "If this is your Worker, run it with `wrangler dev`";

/**
 * Every error the edge answers itself. Codes from 1000 on equal the original's where it has them
 * (workers-semantics.md 4.2); 1105 is its "temporarily unavailable".
 */
export const pages = {
  exception: entry(
    1101,
    500,
    "Worker threw exception",
    "The Worker that answers here threw an exception, or never gave a response.",
    `${AUTHOR} to see the exception.`,
  ),
  startupFailed: entry(
    1101,
    500,
    "Worker threw exception",
    "The Worker that answers here throws an exception when it starts.",
    `${AUTHOR} to see why, and deploy a version that starts.`,
  ),
  limits: entry(
    1102,
    503,
    "Worker exceeded resource limits",
    "The Worker that answers here used more CPU time or memory than it may.",
    "If this is your Worker, make it do less in one request, or raise its limits.",
  ),
  dailyLimit: entry(
    1027,
    429,
    "Daily requests are used up",
    "The Workers of this account have answered all the requests that they may answer in a day.",
    "Come back after midnight (UTC). The operator sets the limit with FREEHOLD_DAILY_REQUESTS.",
  ),
  crashed: entry(
    1105,
    503,
    "Worker temporarily unavailable",
    "The process that runs this Worker ended unexpectedly. It is being started again.",
    "Try again in a moment.",
  ),
  crashLoop: entry(
    1105,
    503,
    "Worker temporarily unavailable",
    "The process that runs this Worker has ended several times in a row (a crash loop). The next start waits a while.",
    `Try again later. ${AUTHOR} to see why, or deploy another version.`,
  ),
  overloaded: entry(
    1105,
    503,
    "Worker temporarily unavailable",
    "The Worker did not start in time, or too many Workers are starting at once.",
    "Try again in a moment.",
  ),
  noWorker: entry(
    1042,
    404,
    "There is no Worker here",
    "No Worker answers at this address.",
    "Check the address. If this is your Worker, check that it is deployed and that its address is enabled.",
  ),
  noOrigin: entry(
    1016,
    530,
    "Origin DNS error",
    "A Worker on a route fetched what is behind its route, and there is nothing: no custom domain has this host.",
    "If this is your Worker, make a Worker the host's custom domain, or answer the request yourself.",
  ),
  // The client of remote development knows the title, and begins a new session.
  sessionOver: entry(
    1031,
    400,
    "Invalid Workers Preview configuration",
    "The session of remote development that the request names is over, or never was.",
    "Start `wrangler dev --remote` again.",
  ),
  loop: entry(
    1019,
    508,
    "Too many loops",
    "The request has passed through this platform too often: Workers call each other in a circle.",
    "If this is your Worker, do not let it fetch its own address.",
  ),
  blocked: entry(
    403,
    403,
    "Blocked",
    "What this address answers is no image, and may not be shown as a page of this host.",
    "Use the address in an image element.",
  ),
  tlsTooOld: entry(
    403,
    403,
    "TLS version too old",
    "This address takes connections of TLS 1.3 only.",
    "Use a client that speaks TLS 1.3. Whoever runs the bucket sets this with the minimum TLS version of its domain.",
  ),
  protected: entry(
    401,
    401,
    "This address is protected",
    "Only people with an access link of this Worker, and programs with an access token, may see what is here.",
    "Ask whoever runs it for a link. With the platform's command line: `freehold access <worker>`.",
  ),
  assetsLost: entry(
    500,
    500,
    "The file cannot be read",
    "A static file of this site is listed but cannot be read from storage.",
    "If this is your site, deploy it again; the platform's log says which file it is.",
  ),
  badGateway: entry(
    502,
    502,
    "Bad gateway",
    "No valid answer came from the Worker.",
    `${AUTHOR} to see what it answers.`,
  ),
  controlAway: entry(
    503,
    503,
    "The control plane is not available",
    "The API and the dashboard are starting or restarting. Workers keep answering meanwhile.",
    "Try again in a moment.",
  ),
  storageAway: entry(
    503,
    503,
    "Storage is not available",
    "The process that serves buckets is starting or restarting.",
    "Try again in a moment.",
  ),
  tailsAway: entry(
    503,
    503,
    "Live logs are not available",
    "The process that sends live logs is starting or restarting.",
    "Begin another session in a moment.",
  ),
  badRequest: entry(400, 400, "Bad request", "The request is not valid HTTP/1.1.", "Use a correct HTTP client."),
  methodNotAllowed: entry(
    405,
    405,
    "Method not allowed",
    "CONNECT and TRACE are not served here.",
    "Use another method.",
  ),
  timeout: entry(408, 408, "Request timeout", "The request came too slowly.", "Try again on a better connection."),
  bodyTooLarge: entry(
    413,
    413,
    "Request body too large",
    "The request body is larger than this platform takes.",
    "Send less at once. The operator sets the limit with FREEHOLD_MAX_BODY_MB.",
  ),
  urlTooLong: entry(414, 414, "URL too long", "The URL is longer than 16 KB.", "Send the data in the body."),
  expectation: entry(
    417,
    417,
    "Expectation failed",
    "The only expectation that can be met is 100-continue.",
    "Leave the Expect header away.",
  ),
  headTooLarge: entry(
    431,
    431,
    "Request headers too large",
    "The headers of the request are larger than 128 KB, or there are more than 1000.",
    "Delete the cookies of this site and try again.",
  ),
  notImplemented: entry(
    501,
    501,
    "Not implemented",
    "The request's method is not known here.",
    "Use a standard HTTP method.",
  ),
  versionNotSupported: entry(
    505,
    505,
    "HTTP version not supported",
    "Only HTTP/1.1 and HTTP/1.0 are spoken here.",
    "Use HTTP/1.1.",
  ),
} satisfies Record<string, PageText>;

const refusals: PageText[] = [
  pages.badRequest,
  pages.methodNotAllowed,
  pages.timeout,
  pages.bodyTooLarge,
  pages.urlTooLong,
  pages.expectation,
  pages.headTooLarge,
  pages.notImplemented,
  pages.versionNotSupported,
];

/** The page for an HTTP status that the engine, or the runtime itself, refused a request with. */
export function pageForStatus(status: number): PageText {
  const page = refusals.find((candidate) => candidate.status === status);
  return page ?? (status < 500 ? pages.badRequest : pages.badGateway);
}
