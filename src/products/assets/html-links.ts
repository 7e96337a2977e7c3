/** Finds the `<link>` elements of HTML that Early Hints may announce (pages-and-builds.md 16). */
import { MAX_HINT_CHARS, MAX_HINT_HTML_BYTES, MAX_HINT_LINKS } from "./limits.ts";

/** Kinds of link that a 103 may carry. */
export const HINT_RELS = new Set(["preload", "preconnect", "modulepreload"]);
/** Elements whose content is text, not markup. */
const RAW_TEXT = new Set(["script", "style", "title", "textarea", "noscript", "template", "xmp", "iframe"]);

/**
 * `Link` values from the `<link>` elements at the start of an HTML document, such as `</a.css>; rel="preload"; as=style`.
 * Only elements with no attributes but `rel`, `as` and `href` qualify: others (crossorigin, media, type…) would need
 * parameters that change what is fetched. Reads at most {@link MAX_HINT_HTML_BYTES}, up to `<body>`; a cut-off tag counts as absent.
 * Parse once per content and keep the result, the empty one too.
 */
export function linksOfHtml(bytes: Uint8Array): string[] {
  const html = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, MAX_HINT_HTML_BYTES)).toString(
    "utf8",
  );
  const links: string[] = [];
  let base: string | undefined;
  let position = 0;
  while (links.length < MAX_HINT_LINKS) {
    const open = html.indexOf("<", position);
    if (open < 0) break;
    if (html.startsWith("<!--", open)) {
      position = after(html, "-->", open + 4);
      continue;
    }
    const tag = readTag(html, open);
    if (!tag) {
      position = open + 1;
      continue;
    }
    if (tag.end < 0 || tag.name === "body" || tag.name === "/head") break;
    position = tag.end;
    if (RAW_TEXT.has(tag.name)) position = endOfRawText(html, tag.name, position);
    else if (tag.name === "base") base ??= tag.attributes.get("href");
    else if (tag.name === "link") {
      const link = linkValue(tag.attributes, base);
      if (link !== undefined && !links.includes(link)) links.push(link);
    }
  }
  return boundedLinks(links);
}

function after(html: string, text: string, from: number): number {
  const at = html.indexOf(text, from);
  return at < 0 ? html.length : at + text.length;
}

function endOfRawText(html: string, name: string, from: number): number {
  const close = new RegExp(`</${name}[\\s/>]`, "gi");
  close.lastIndex = from;
  return close.exec(html)?.index ?? html.length;
}

interface Tag {
  /** In lower case; with a slash in front for an end tag. */
  name: string;
  /** Names in lower case; the first of a name counts. */
  attributes: Map<string, string>;
  /** Where the tag ends, or -1 when the text ends within it. */
  end: number;
}

const TAG_NAME = /<(\/?[a-zA-Z][^\s/>]{0,40})/y;
const ATTRIBUTE = /[\s/]*(?:([^\s/>=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?|(>))/y;
const MAX_ATTRIBUTES = 50;

/** Reads the tag that starts at `open`. Undefined when there is none. */
function readTag(html: string, open: number): Tag | undefined {
  TAG_NAME.lastIndex = open;
  const start = TAG_NAME.exec(html);
  if (!start) return;
  const name = (start[1] ?? "").toLowerCase();
  const attributes = new Map<string, string>();
  ATTRIBUTE.lastIndex = open + start[0].length;
  for (let count = 0; count < MAX_ATTRIBUTES; count++) {
    const match = ATTRIBUTE.exec(html);
    if (!match) break;
    if (match[5]) return { name, attributes, end: ATTRIBUTE.lastIndex };
    const key = (match[1] ?? "").toLowerCase();
    if (!attributes.has(key)) attributes.set(key, match[2] ?? match[3] ?? match[4] ?? "");
  }
  // Malformed, cut off, or absurd: no tag of ours.
  const end = html.indexOf(">", open);
  return { name: "", attributes: new Map(), end: end < 0 ? -1 : end + 1 };
}

function linkValue(attributes: Map<string, string>, base: string | undefined): string | undefined {
  for (const name of attributes.keys()) if (name !== "rel" && name !== "as" && name !== "href") return;
  const rel = (attributes.get("rel") ?? "").trim().toLowerCase();
  const as = attributes.get("as")?.trim().toLowerCase();
  const href = decodeAmpersands((attributes.get("href") ?? "").trim());
  if (!rel.split(/\s+/).some((one) => HINT_RELS.has(one)) || !/^[a-z\s-]+$/.test(rel)) return;
  if (as !== undefined && !/^[a-z]*$/.test(as)) return;
  if (href === "" || /^(?:data|javascript|blob):/i.test(href)) return;
  const target = base === undefined ? href : resolved(href, base);
  // Header text must be ASCII without the characters that end the reference.
  if (target === undefined || !/^[!-;=?-~]+$/.test(target)) return;
  return `<${target}>; rel="${rel.split(/\s+/).join(" ")}"${as ? `; as=${as}` : ""}`;
}

/** Resolves against `<base href>`. A base that is itself a path leaves the host open, and so does the result. */
function resolved(href: string, base: string): string | undefined {
  const absolute = URL.parse(href, base);
  if (absolute) return absolute.href;
  const relative = base.startsWith("/") && !base.startsWith("//") ? URL.parse(href, `http://x${base}`) : null;
  if (!relative) return;
  return relative.host === "x" ? `${relative.pathname}${relative.search}` : relative.href;
}

function decodeAmpersands(text: string): string {
  return text.replaceAll("&amp;", "&");
}

/** As many of the links as one response may carry. */
export function boundedLinks(links: string[]): string[] {
  let left = MAX_HINT_CHARS;
  return links.slice(0, MAX_HINT_LINKS).filter((link) => {
    left -= link.length;
    return left >= 0;
  });
}
