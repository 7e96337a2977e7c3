import type { Manifest } from "./manifest.ts";
import { type HtmlHandling, type Resolution, resolvePath } from "./resolve.ts";

/**
 * `base_path` as it is kept: `/docs`, empty for the whole host; undefined when the text is none. The client normalises it in
 * the same way (wrangler 4.164).
 */
export function parseBasePath(text: string): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  if (text === "" || text.startsWith("//") || /[\\?#%\u0000-\u001f\u007f]|^[a-z][a-z\d+.-]*:/i.test(text))
    return undefined;
  const segments: string[] = [];
  for (const segment of text.split("/")) {
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(segment);
  }
  return segments.map((segment) => `/${segment}`).join("");
}

/**
 * {@link resolvePath} for a path below the base path; the files lie as if the base were the host's root. `rewritten`: the path
 * is where a rule leads, and serves what is there.
 */
export function resolveBelow(
  { manifest, htmlHandling: mode, basePath }: { manifest: Manifest; htmlHandling: HtmlHandling; basePath: string },
  path: string,
  rewritten: boolean,
): Resolution {
  if (basePath === "") return resolvePath(manifest, mode, path);
  // As a folder the base has one right form, which the root of a host has not.
  if (!rewritten && manifest.has("/index.html")) {
    if (path === basePath && (mode === "auto-trailing-slash" || mode === "force-trailing-slash")) {
      return { redirect: `${basePath}/` };
    }
    if (path === `${basePath}/` && mode === "drop-trailing-slash") return { redirect: basePath };
  }
  const found = resolvePath(manifest, mode, path.slice(basePath.length) || "/");
  return found && "redirect" in found ? { redirect: basePath + found.redirect } : found;
}
