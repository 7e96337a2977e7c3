/** XML as S3 speaks it: a writer for answers, and a reader for the few documents that clients send. */
import { S3Error, type ToldError } from "./errors.ts";
import { s3Limits } from "./limits.ts";

/** An element's content: text, or elements by name; an array is an element for each of its entries; undefined is none. */
export type Content = string | number | boolean | Date | XmlFields | readonly Content[] | undefined;
export interface XmlFields {
  readonly [name: string]: Content;
}

const NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/";
const HEADING = '<?xml version="1.0" encoding="UTF-8"?>\n';

/** A whole document. */
export function xmlDocument(name: string, content: Content): string {
  return `${HEADING}${element(name, content, ` xmlns="${NAMESPACE}"`)}`;
}

/** The document of a refusal; it has no namespace. */
export function xmlError(error: ToldError, resource: string): string {
  return HEADING + element("Error", { Code: error.code, Message: error.message, Resource: resource });
}

function element(name: string, content: Content, attributes = ""): string {
  if (content === undefined) return "";
  if (Array.isArray(content)) return content.map((entry) => element(name, entry)).join("");
  return `<${name}${attributes}>${inner(content)}</${name}>`;
}

function inner(content: Exclude<Content, undefined>): string {
  if (content instanceof Date) return content.toISOString();
  if (typeof content !== "object") return escapeText(String(content));
  return Object.entries(content)
    .map(([name, value]) => element(name, value))
    .join("");
}

/** Characters that XML cannot have at all become U+FFFD; clients that may meet them ask for `encoding-type=url`. */
function escapeText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  return text.replace(/[&<>"\r\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, (character) => {
    return ENTITIES[character] ?? "\ufffd";
  });
}

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;" };

/** An element of a document that was read. */
export interface XmlElement {
  /** Without a prefix. */
  name: string;
  /** All text directly in it. */
  text: string;
  children: XmlElement[];
}

/**
 * Reads a document. Strict and small: elements, attributes (dropped), text, CDATA, comments, the XML declaration; no DOCTYPE,
 * no entities but the five of XML and numbers. Bounded in depth and number of nodes. Throws `MalformedXML`.
 */
export function readXml(text: string): XmlElement {
  return new XmlReader(text).read();
}

/** The children with this name. */
export function childrenOf(element: XmlElement, name: string): XmlElement[] {
  return element.children.filter((child) => child.name === name);
}

/** Text of the only child with this name, without white space around it; undefined when there is none. */
export function textOf(element: XmlElement, name: string): string | undefined {
  const [child, ...more] = childrenOf(element, name);
  if (more.length > 0 || (child && child.children.length > 0))
    throw new S3Error("MalformedXML", `${element.name} may have one ${name}, with text in it.`);
  return child?.text.trim();
}

const NAME = /[A-Za-z_][\w.-]*(?::[A-Za-z_][\w.-]*)?/y;
const ATTRIBUTE = /\s+[A-Za-z_][\w:.-]*\s*=\s*(?:"[^<"]*"|'[^<']*')/y;
const TAG_END = /\s*(\/?)>/y;
const CLOSING = /\s*>/y;

class XmlReader {
  readonly #text: string;
  #at = 0;
  #nodes = 0;

  constructor(text: string) {
    this.#text = text.startsWith("\ufeff") ? text.slice(1) : text;
  }

  read(): XmlElement {
    if (this.#text.startsWith("<?xml")) this.#skipTo("?>");
    const document: XmlElement = { name: "", text: "", children: [] };
    const open = [document];
    while (this.#at < this.#text.length) this.#step(open);
    const [root] = document.children;
    if (open.length !== 1 || root === undefined || document.text.trim() !== "") throw new S3Error("MalformedXML");
    return root;
  }

  /** Reads one tag, comment or stretch of text into the innermost open element. */
  #step(open: XmlElement[]): void {
    const parent = open.at(-1) as XmlElement;
    const text = this.#text;
    if (text[this.#at] !== "<") {
      const end = text.indexOf("<", this.#at);
      parent.text += decodeText(text.slice(this.#at, end < 0 ? text.length : end));
      this.#at = end < 0 ? text.length : end;
    } else if (text.startsWith("<!--", this.#at)) this.#skipTo("-->");
    else if (text.startsWith("<![CDATA[", this.#at)) {
      const start = this.#at + "<![CDATA[".length;
      this.#skipTo("]]>");
      parent.text += text.slice(start, this.#at - "]]>".length);
    } else if (text[this.#at + 1] === "/") {
      this.#at += 2;
      const name = this.#match(NAME)[0];
      this.#match(CLOSING);
      if (open.length === 1 || local(name) !== parent.name) throw new S3Error("MalformedXML");
      open.pop();
    } else this.#open(open, parent);
  }

  #open(open: XmlElement[], parent: XmlElement): void {
    this.#at++;
    const element: XmlElement = { name: local(this.#match(NAME)[0]), text: "", children: [] };
    if (open.length > s3Limits.xmlDepth || ++this.#nodes > s3Limits.xmlNodes) throw tooLarge();
    // A second root.
    if (open.length === 1 && parent.children.length > 0) throw new S3Error("MalformedXML");
    while (this.#find(ATTRIBUTE));
    parent.children.push(element);
    if (this.#match(TAG_END)[1] === "") open.push(element);
  }

  #skipTo(end: string): void {
    const at = this.#text.indexOf(end, this.#at);
    if (at < 0 || ++this.#nodes > s3Limits.xmlNodes) throw new S3Error("MalformedXML");
    this.#at = at + end.length;
  }

  #find(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found) this.#at = pattern.lastIndex;
    return found;
  }

  #match(pattern: RegExp): RegExpExecArray {
    const found = this.#find(pattern);
    if (!found) throw new S3Error("MalformedXML");
    return found;
  }
}

function tooLarge(): S3Error {
  return new S3Error("MalformedXML", "The XML has too many elements, or they are nested too deep.");
}

function local(name: string): string {
  return name.slice(name.indexOf(":") + 1);
}

const NAMED: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function decodeText(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(/&([^;]{0,10});?/g, (_, name: string) => {
    const number = /^#(?:x([0-9A-Fa-f]{1,6})|(\d{1,7}))$/.exec(name);
    const code = number ? Number.parseInt(number[1] ?? number[2] ?? "", number[1] ? 16 : 10) : undefined;
    const character = code === undefined ? NAMED[name] : code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
    if (character === undefined) throw new S3Error("MalformedXML", "The XML has an entity that is not known.");
    return character;
  });
}
