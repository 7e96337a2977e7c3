import type { Manifest } from "./manifest.ts";

/** How URLs of HTML files are written (workers-semantics.md 2.4). `pages` is the fixed behaviour of Pages. */
export type HtmlHandling = "auto-trailing-slash" | "force-trailing-slash" | "drop-trailing-slash" | "none" | "pages";

/** `pages`: the nearest 404 page, and without any the single page. */
export type NotFoundHandling = "none" | "404-page" | "single-page-application" | "pages";

/** What the site holds for a path. `file` is an index in the manifest; `to` a decoded path. */
export type Resolution = { file: number } | { redirect: string } | undefined;

/**
 * Serve the file `<stem><serve>`; or, when `<stem><file>` exists and `<stem><to>` would serve it, redirect there.
 * The stem is the path without its ending.
 */
type Step = { serve: string } | { file: string; to: string };
type Ending = "/index" | "/index.html" | "/" | ".html";

const ENDINGS: readonly Ending[] = ["/index.html", ".html", "/index", "/"];

/** The whole of html_handling: what is tried, in order, by the ending of the path and then for every path. */
const TABLES: Record<Exclude<HtmlHandling, "none" | "pages">, Record<Ending | "any", readonly Step[]>> = {
  "auto-trailing-slash": {
    "/index": [{ serve: "/index" }, { file: "/index.html", to: "/" }, { file: ".html", to: "" }],
    "/index.html": [
      { file: "/index.html", to: "/" },
      { file: ".html", to: "" },
    ],
    "/": [{ serve: "/index.html" }, { file: ".html", to: "" }],
    ".html": [
      { file: ".html", to: "" },
      { file: "/index.html", to: "/" },
    ],
    any: [{ serve: "" }, { serve: ".html" }, { file: "/index.html", to: "/" }],
  },
  "force-trailing-slash": {
    "/index": [{ serve: "/index" }, { file: "/index.html", to: "/" }, { file: ".html", to: "/" }],
    "/index.html": [
      { file: "/index.html", to: "/" },
      { file: ".html", to: "/" },
    ],
    "/": [{ serve: "/index.html" }, { serve: ".html" }],
    ".html": [{ file: ".html", to: "/" }, { serve: ".html" }, { file: "/index.html", to: "/" }],
    any: [{ serve: "" }, { file: ".html", to: "/" }, { file: "/index.html", to: "/" }],
  },
  "drop-trailing-slash": {
    "/index": [{ serve: "/index" }, { file: "/index.html", to: "" }, { file: ".html", to: "" }],
    "/index.html": [{ file: "/index.html", to: "" }, { serve: "/index.html" }, { file: ".html", to: "" }],
    "/": [
      { file: ".html", to: "" },
      { file: "/index.html", to: "" },
    ],
    ".html": [{ file: ".html", to: "" }, { serve: ".html" }, { file: "/index.html", to: "" }],
    any: [{ serve: "" }, { serve: ".html" }, { serve: "/index.html" }],
  },
};

/** Finds what a decoded path shows. Asks the manifest a bounded number of times. */
export function resolvePath(manifest: Manifest, mode: HtmlHandling, path: string): Resolution {
  // The shortest file name asked for is the path without "/index.html", and with ".html" in its place.
  if (path.length > manifest.longestPath + "/index.html".length) return;
  if (mode === "pages") return resolvePages(manifest, path);
  if (mode === "none") return served(manifest.find(path));
  for (const { stem, steps } of attempts(mode, path)) {
    for (const step of steps) {
      const found = "serve" in step ? served(manifest.find(stem + step.serve)) : redirected(manifest, mode, stem, step);
      if (found) return found;
    }
  }
  return;
}

type TableMode = keyof typeof TABLES;

function attempts(mode: TableMode, path: string): { stem: string; steps: readonly Step[] }[] {
  // The root is the one directory whose URL cannot lose its slash.
  const table = TABLES[path === "/" ? "auto-trailing-slash" : mode];
  const always = { stem: path, steps: table.any };
  const ending = ENDINGS.find((one) => path.endsWith(one));
  return ending ? [{ stem: path.slice(0, -ending.length), steps: table[ending] }, always] : [always];
}

/** A redirect is given only when its target is no file and serves the very same content without another redirect. */
function redirected(manifest: Manifest, mode: TableMode, stem: string, step: { file: string; to: string }): Resolution {
  const file = manifest.find(stem + step.file);
  if (file < 0) return;
  // "//" would be another host in a Location.
  const to = (stem + step.to).replace(/\/\/$/, "/") || "/";
  if (manifest.has(to)) return;
  for (const { stem, steps } of attempts(mode, to)) {
    for (const step of steps) {
      const there = "serve" in step ? manifest.find(stem + step.serve) : -1;
      if (there >= 0) return manifest.same(file, there) ? { redirect: to } : undefined;
    }
  }
  return;
}

function served(file: number): Resolution {
  return file >= 0 ? { file } : undefined;
}

/** Pages (pages-and-builds.md 13): one scheme, redirects whether or not anything is at their target. */
function resolvePages(manifest: Manifest, path: string): Resolution {
  if (path.endsWith("/")) {
    const index = manifest.find(`${path}index.html`);
    if (index >= 0) return { file: index };
    if (path.endsWith("/index/")) return { redirect: path.slice(0, -"index/".length) };
    return manifest.has(`${path.slice(0, -1)}.html`) ? { redirect: path.slice(0, -1) } : undefined;
  }
  const exact = manifest.find(path);
  if (exact >= 0) {
    if (path.endsWith("/index.html")) return { redirect: path.slice(0, -"index.html".length) };
    if (!path.endsWith(".html") || path.endsWith("/.html") || manifest.has(path.slice(0, -".html".length)))
      return { file: exact };
    return { redirect: path.slice(0, -".html".length) };
  }
  if (path.endsWith("/index")) return { redirect: path.slice(0, -"index".length) };
  const page = manifest.find(`${path}.html`);
  if (page >= 0) return { file: page };
  return manifest.has(`${path}/index.html`) ? { redirect: `${path}/` } : undefined;
}

/** The page for a path that shows nothing, with its status. Undefined: an empty 404. */
export function resolveNotFound(
  manifest: Manifest,
  mode: NotFoundHandling,
  path: string,
): { file: number; status: 200 | 404 } | undefined {
  if (mode === "404-page" || mode === "pages") {
    // A directory longer than every path of the site holds no page.
    let directory = path.slice(0, manifest.longestPath + 1);
    while (directory.includes("/")) {
      directory = directory.slice(0, directory.lastIndexOf("/"));
      const file = manifest.find(`${directory}/404.html`);
      if (file >= 0) return { file, status: 404 };
    }
  }
  if (mode === "single-page-application" || mode === "pages") {
    const file = manifest.find("/index.html");
    if (file >= 0) return { file, status: 200 };
  }
  return;
}
