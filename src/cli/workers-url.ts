/**
 * The client appends `.workers.dev` to the account's subdomain, which the platform answers as
 * `<subdomain>.<base>:<port>/#`: the tail becomes a fragment (`wrangler-api.md` 1.8). Aliases of Pages end in
 * `/#.pages.dev`, since it prints no others.
 */
const APPENDED = /(https:\/\/[a-z0-9.-]+(?::\d+)?)\/#\.(?:workers|pages)\.dev(?![a-z0-9.-])/gi;

/**
 * Shows URLs of Workers as people would write them, and those of the platform itself with the scheme that needs no
 * trusted certificate. `base` is the platform's base domain with its port, such as `localhost:8787`; without a port, https stays.
 */
export function showWorkersUrls(text: string, base: string): string {
  const plain = text.replace(APPENDED, "$1");
  if (!base.includes(":")) return plain;
  const ofPlatform = new RegExp(`https://(?=[a-z0-9.-]+\\.${RegExp.escape(base)}(?![\\w.-]))`, "gi");
  return plain.replace(ofPlatform, "http://");
}
