/**
 * Stands behind the global `fetch()` of Workers whose account has domains on this platform: requests for hosts that the platform
 * itself serves go to its edge, which the public address of this machine may not lead to, all others to the internet.
 * `connect()` passes by (`connect_pass_through`).
 */

/** How long an answer about a host is believed: that long a new route may go unnoticed. */
const BELIEVED_MS = 5000;
const MAX_HOSTS = 1000;

/**
 * Answers, not promises of them: those of a request that is given up are never kept.
 * @type {Map<string, { here: boolean, untilMs: number }>}
 */
const hosts = new Map();

export default {
  /** @param {Request} request @param {{ internet: Fetcher, plain: Fetcher, secure: Fetcher, ports: string[] }} env */
  async fetch(request, { internet, plain, secure, ports }) {
    const { protocol, hostname, port } = new URL(request.url);
    if (port !== "" && !ports.includes(port)) return internet.fetch(request);
    if (!(await isHere(hostname, plain))) return internet.fetch(request);
    return (protocol === "https:" ? secure : plain).fetch(request);
  },
};

/** @param {string} hostname @param {Fetcher} edge */
async function isHere(hostname, edge) {
  const known = hosts.get(hostname);
  if (known && Date.now() < known.untilMs) return known.here;
  let here = false;
  try {
    // No request of a Worker gets to the edge by this name: the edge says of it that it is not here.
    here = (await edge.fetch(`http://freehold.internal/${hostname}`)).status === 204;
  } catch {
    return false;
  }
  if (hosts.size >= MAX_HOSTS) hosts.clear();
  hosts.set(hostname, { here, untilMs: Date.now() + BELIEVED_MS });
  return here;
}
