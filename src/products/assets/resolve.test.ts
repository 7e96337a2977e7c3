import { describe, expect, test } from "vitest";
import { encodePath } from "./path.ts";
import { type HtmlHandling, resolveNotFound, resolvePath } from "./resolve.ts";
import { manifestOf } from "./testing.ts";

const MODES = ["auto-trailing-slash", "force-trailing-slash", "drop-trailing-slash", "none"] as const;

/** `file` for a served file, `→ path` for a redirect, `–` for nothing. */
function show(files: Parameters<typeof manifestOf>[0], mode: HtmlHandling, path: string): string {
  const manifest = manifestOf(files);
  const found = resolvePath(manifest, mode, path);
  if (!found) return "–";
  return "file" in found ? manifest.path(found.file).slice(1) : `→ ${encodePath(found.redirect)}`;
}

/** Rows: path, then what each of the four modes shows. */
type Row = [path: string, auto: string, force: string, drop: string, none: string];

function table(files: string[], rows: Row[]): void {
  for (const [path, ...shown] of rows) {
    MODES.forEach((mode, index) => {
      test(`${path} in ${mode}`, () => expect(show(files, mode, path)).toBe(shown[index]));
    });
  }
}

// The published table (workers-semantics.md 2.4), with the values that the running original gives.
describe("/file.html, /folder/index.html and /index.html", () =>
  table(
    ["/file.html", "/folder/index.html", "/index.html"],
    [
      ["/file", "file.html", "→ /file/", "file.html", "–"],
      ["/file.html", "→ /file", "→ /file/", "→ /file", "file.html"],
      ["/file/", "→ /file", "file.html", "→ /file", "–"],
      ["/file/index", "→ /file", "→ /file/", "→ /file", "–"],
      ["/file/index.html", "→ /file", "→ /file/", "→ /file", "–"],
      ["/folder", "→ /folder/", "→ /folder/", "folder/index.html", "–"],
      ["/folder.html", "→ /folder/", "→ /folder/", "→ /folder", "–"],
      ["/folder/", "folder/index.html", "folder/index.html", "→ /folder", "–"],
      ["/folder/index", "→ /folder/", "→ /folder/", "→ /folder", "–"],
      ["/folder/index.html", "→ /folder/", "→ /folder/", "→ /folder", "folder/index.html"],
      ["/", "index.html", "index.html", "index.html", "–"],
      ["/index", "→ /", "→ /", "→ /", "–"],
      ["/index.html", "→ /", "→ /", "→ /", "index.html"],
      ["/other", "–", "–", "–", "–"],
      ["/other/", "–", "–", "–", "–"],
      ["/File", "–", "–", "–", "–"],
      ["/file.htm", "–", "–", "–", "–"],
    ],
  ));

describe("both /foo.html and /foo/index.html", () =>
  table(
    ["/foo.html", "/foo/index.html"],
    [
      ["/foo", "foo.html", "→ /foo/", "foo.html", "–"],
      ["/foo/", "foo/index.html", "foo/index.html", "→ /foo", "–"],
      ["/foo.html", "→ /foo", "foo.html", "→ /foo", "foo.html"],
      ["/foo/index.html", "→ /foo/", "→ /foo/", "foo/index.html", "foo/index.html"],
      ["/foo/index", "→ /foo/", "→ /foo/", "→ /foo", "–"],
    ],
  ));

describe("a file literally named /bin", () =>
  table(
    ["/bin", "/bin.html"],
    [
      ["/bin", "bin", "bin", "bin", "bin"],
      ["/bin/", "–", "bin.html", "–", "–"],
      ["/bin.html", "bin.html", "→ /bin/", "bin.html", "bin.html"],
    ],
  ));

describe("other names", () =>
  table(
    ["/a.html.html", "/.html", "/data.json", "/d/index", "/d/index.html", "/%5Bx.txt"],
    [
      ["/a.html", "a.html.html", "→ /a.html/", "a.html.html", "–"],
      ["/a.html.html", "→ /a.html", "→ /a.html/", "→ /a.html", "a.html.html"],
      ["/a", "–", "–", "–", "–"],
      // A redirect to "//" would leave the site; the original gives it with a forced slash.
      ["/.html", "→ /", "→ /", "→ /", ".html"],
      ["/", ".html", ".html", ".html", "–"],
      ["/data.json", "data.json", "data.json", "data.json", "data.json"],
      ["/data.json/", "–", "–", "–", "–"],
      ["/data", "–", "–", "–", "–"],
      ["/d/index", "d/index", "d/index", "d/index", "d/index"],
      ["/%5Bx.txt", "%5Bx.txt", "%5Bx.txt", "%5Bx.txt", "%5Bx.txt"],
      ["/[x.txt", "–", "–", "–", "–"],
    ],
  ));

test("a redirect needs the very same content at its target; the same content elsewhere counts", () => {
  const same = (hash: string) => [
    { path: "/foo.html", hash: "a".repeat(32) },
    { path: "/foo/index.html", hash },
  ];
  expect(show(same("b".repeat(32)), "drop-trailing-slash", "/foo/index.html")).toBe("foo/index.html");
  expect(show(same("a".repeat(32)), "drop-trailing-slash", "/foo/index.html")).toBe("→ /foo");
});

test("redirects end at a file, after three at most", () => {
  const names = ["index", "index.html", "a", "a.html", ".html", "a.html.html"];
  const paths = names.flatMap((one) => [`/${one}`, ...names.map((two) => `/${one}/${two}`)]);
  const manifest = manifestOf(paths.filter((_, index) => index % 3 !== 0));
  let redirects = 0;
  for (const mode of MODES) {
    for (const path of paths.flatMap((one) => [one, `${one}/`, `${one}.html`, `${one}/index`])) {
      let found = resolvePath(manifest, mode, path);
      for (let hop = 0; hop < 3 && found && "redirect" in found; hop++, redirects++) {
        expect(found.redirect).toMatch(/^\/(?!\/)/);
        found = resolvePath(manifest, mode, found.redirect);
        expect(found, `${mode} ${path}`).toBeDefined();
      }
      if (found) expect(found, `${mode} ${path}`).toHaveProperty("file");
    }
  }
  expect(redirects).toBeGreaterThan(20);
});

describe("pages (pages-and-builds.md 13)", () => {
  const files = ["/file.html", "/folder/index.html", "/index.html", "/both", "/both.html", "/.html", "/x.json"];
  test.each([
    ["/", "index.html"],
    ["/index", "→ /"],
    ["/index.html", "→ /"],
    ["/index/", "→ /"],
    ["/file", "file.html"],
    ["/file.html", "→ /file"],
    ["/file/", "→ /file"],
    ["/folder", "→ /folder/"],
    ["/folder/", "folder/index.html"],
    ["/folder/index", "→ /folder/"],
    ["/folder/index/", "→ /folder/"],
    ["/folder/index.html", "→ /folder/"],
    ["/both", "both"],
    ["/both.html", "both.html"],
    ["/.html", ".html"],
    ["/x.json", "x.json"],
    ["/nope", "–"],
    ["/nope/", "–"],
    ["/nope/index", "→ /nope/"],
  ])("%s", (path, shown) => expect(show(files, "pages", path)).toBe(shown));
});

describe("not found", () => {
  const files = ["/index.html", "/404.html", "/a/b/404.html"];
  test.each([
    ["404-page", "/x", "404 /404.html"],
    ["404-page", "/", "404 /404.html"],
    ["404-page", "/a/x", "404 /404.html"],
    ["404-page", "/a/b", "404 /404.html"],
    ["404-page", "/a/b/", "404 /a/b/404.html"],
    ["404-page", "/a/b/c", "404 /a/b/404.html"],
    ["404-page", "/a/b/c/d/e", "404 /a/b/404.html"],
    ["404-page", `/a/b/${"c/".repeat(5000)}`, "404 /a/b/404.html"],
    ["single-page-application", "/x/y", "200 /index.html"],
    ["none", "/x", undefined],
    ["pages", "/x", "404 /404.html"],
  ] as const)("%s %.20s", (mode, path, shown) => {
    const manifest = manifestOf(files);
    const page = resolveNotFound(manifest, mode, path);
    expect(page && `${page.status} ${manifest.path(page.file)}`).toBe(shown);
  });

  test("without the page there is none", () => {
    expect(resolveNotFound(manifestOf(["/x.html"]), "404-page", "/a/b")).toBeUndefined();
    expect(resolveNotFound(manifestOf(["/x.html"]), "single-page-application", "/a/b")).toBeUndefined();
  });

  test("Pages without a 404 page is a single-page application", () => {
    expect(resolveNotFound(manifestOf(["/index.html"]), "pages", "/a/b")?.status).toBe(200);
  });
});
