/**
 * Changes values in a file of JSON with comments, and leaves all else of the text as it is. Our own, as `modify` of
 * `jsonc-parser` takes neighbours' comments away with a member, leaves `{,}` of `{"a": 1,}`, and breaks up one-line lists.
 */

import { isDeepStrictEqual } from "node:util";
import { isObject } from "./is-object.ts";
import { type JsoncMember, type JsoncNode, jsoncValue, parseJsoncTree } from "./jsonc-tree.ts";
import { applyEdits, lineEnd, type TextEdit } from "./text-edits.ts";

type Values = { readonly [key: string]: unknown };
type Span = Pick<JsoncNode, "start" | "end">;

/** Lists of plain values up to this long stand on one line. */
const SHORT_CHARS = 80;

/** The text with other values: only what differs is written anew, in the manner of the file. Throws `SyntaxError`. */
export function editJsonc(text: string, wanted: Values): string {
  const editor = new Editor(text);
  editor.change(parseJsoncTree(text), wanted);
  return applyEdits(text, editor.edits);
}

class Editor {
  readonly edits: TextEdit[] = [];
  readonly #text: string;
  readonly #eol: string;
  /** One step of indentation. */
  readonly #unit: string;

  constructor(text: string) {
    this.#text = text;
    this.#eol = lineEnd(text);
    this.#unit = /^([ \t]+)"/m.exec(text)?.[1] ?? "  ";
  }

  change(node: JsoncNode, wanted: unknown): void {
    if (isDeepStrictEqual(jsoncValue(node), wanted)) return;
    if (node.kind === "object" && isObject(wanted)) this.#changeObject(node, wanted);
    else if (node.kind === "array" && Array.isArray(wanted)) this.#changeArray(node, wanted);
    else this.#replace(node, wanted);
  }

  #changeObject(node: JsoncNode & { kind: "object" }, wanted: Values): void {
    const { members } = node;
    const stays = members.filter(({ key }) => wanted[key] !== undefined);
    const last = stays.at(-1);
    if (!last || this.#outgrows(node, wanted)) {
      this.#write(node, wanted, this.#indentAt(node.start));
      return;
    }
    for (const { key, value } of stays) this.change(value, wanted[key]);
    for (const member of members) if (!stays.includes(member)) this.#remove(member);
    const added = Object.keys(wanted).filter(
      (key) => wanted[key] !== undefined && !members.some((member) => member.key === key),
    );
    const texts = added.map(
      (key) => (indent: string | undefined) => `${JSON.stringify(key)}: ${this.#valueText(wanted[key], indent)}`,
    );
    this.#append(node, members.map(spanOf), members.indexOf(last), texts);
  }

  #changeArray(node: JsoncNode & { kind: "array" }, wanted: unknown[]): void {
    const { items } = node;
    if (items.length === 0 || wanted.length < items.length) {
      this.#replace(node, wanted);
      return;
    }
    for (const [index, item] of items.entries()) this.change(item, wanted[index]);
    const texts = wanted
      .slice(items.length)
      .map((value) => (indent: string | undefined) => this.#valueText(value, indent));
    this.#append(node, items, items.length - 1, texts);
  }

  #replace(node: JsoncNode, wanted: unknown): void {
    const isOneLine = node.kind !== "scalar" && !isEmpty(node) && this.#isOneLine(node);
    this.#write(
      node,
      wanted,
      isOneLine && oneLine(wanted).length <= SHORT_CHARS ? undefined : this.#indentAt(node.start),
    );
  }

  #write({ start, end }: JsoncNode, wanted: unknown, indent: string | undefined): void {
    this.edits.push({ start, end, text: this.#valueText(wanted, indent) });
  }

  /** Whether it has stood on one line, without comments, and would be too long for one. */
  #outgrows(node: JsoncNode, wanted: Values): boolean {
    const text = this.#text.slice(node.start, node.end);
    return this.#isOneLine(node) && !/\/[/*]/.test(text) && oneLine(wanted).length > Math.max(SHORT_CHARS, text.length);
  }

  /** With its line, if it has one of its own, and what is said of it behind it. Comments above stay. */
  #remove(member: JsoncMember): void {
    const { start, end } = spanOf(member);
    const lineStart = this.#text.lastIndexOf("\n", start - 1) + 1;
    const comma = this.#commaAfter(end);
    const behind = this.#past(/[ \t]*/y, comma === undefined ? end : comma + 1);
    const lineEnds = this.#past(/(?:\/\/[^\r\n]*)?\r?\n/y, behind);
    const isAlone = this.#text.slice(lineStart, start).trim() === "" && lineEnds > behind;
    this.edits.push(isAlone ? { start: lineStart, end: lineEnds, text: "" } : { start, end: behind, text: "" });
  }

  /** Puts elements behind the last one that stays, whose comma it sees to. */
  #append(
    node: JsoncNode,
    elements: Span[],
    lastIndex: number,
    texts: ((indent: string | undefined) => string)[],
  ): void {
    const last = elements[lastIndex] ?? node;
    const comma = this.#commaAfter(last.end);
    const endsWithComma = this.#commaAfter(elements.at(-1)?.end ?? 0) !== undefined;
    if (texts.length === 0) {
      const isDangling = comma !== undefined && lastIndex < elements.length - 1 && !endsWithComma;
      if (isDangling) this.edits.push({ start: comma, end: comma + 1, text: "" });
      return;
    }
    if (this.#isOneLine(node)) {
      const isBetween = comma !== undefined && !endsWithComma;
      const text = texts.map((one) => `, ${one(undefined)}`).join("");
      this.edits.push({ start: last.end, end: isBetween ? comma + 1 : last.end, text });
      return;
    }
    const first = elements[0] ?? node;
    const startsLine = this.#text.slice(this.#text.lastIndexOf("\n", first.start - 1) + 1, first.start).trim() === "";
    const indent = startsLine ? this.#indentAt(first.start) : this.#indentAt(node.start) + this.#unit;
    if (comma === undefined) this.edits.push({ start: last.end, end: last.end, text: "," });
    const place = this.#past(/[ \t]*(?:\/\/[^\r\n]*|\/\*[^\r\n]*?\*\/)?/y, comma === undefined ? last.end : comma + 1);
    const lines = texts.map((one, index) => {
      const isFollowed = index < texts.length - 1 || endsWithComma;
      return `${this.#eol}${indent}${one(indent)}${isFollowed ? "," : ""}`;
    });
    this.edits.push({ start: place, end: place, text: lines.join("") });
  }

  /** Where the comma behind a value stands. */
  #commaAfter(end: number): number | undefined {
    const at = this.#past(/(?:\s|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/y, end);
    return this.#text[at] === "," ? at : undefined;
  }

  #past(pattern: RegExp, at: number): number {
    pattern.lastIndex = at;
    return at + (pattern.exec(this.#text)?.[0].length ?? 0);
  }

  #indentAt(place: number): string {
    const lineStart = this.#text.lastIndexOf("\n", place - 1) + 1;
    return /^[ \t]*/.exec(this.#text.slice(lineStart, place))?.[0] ?? "";
  }

  #isOneLine({ start, end }: Span): boolean {
    return !this.#text.slice(start, end).includes("\n");
  }

  /** Below the indentation of the line where the value begins; undefined: on one line. */
  #valueText(value: unknown, indent: string | undefined): string {
    const isPlain = !Array.isArray(value) || value.every((one) => typeof one !== "object");
    const short = oneLine(value);
    if (indent === undefined || (isPlain && !isObject(value) && short.length <= SHORT_CHARS)) return short;
    const inner = indent + this.#unit;
    const lines = Array.isArray(value)
      ? value.map((one) => this.#valueText(one, inner))
      : isObject(value)
        ? defined(value).map(([key, one]) => `${JSON.stringify(key)}: ${this.#valueText(one, inner)}`)
        : [];
    if (lines.length === 0) return short;
    const [open, close] = Array.isArray(value) ? "[]" : "{}";
    return `${open}${this.#eol}${lines.map((line) => inner + line).join(`,${this.#eol}`)}${this.#eol}${indent}${close}`;
  }
}

const spanOf = ({ start, value }: JsoncMember): Span => ({ start, end: value.end });
const isEmpty = (node: JsoncNode) => jsoncValue(node) !== null && Object.keys(jsoncValue(node) as object).length === 0;
const defined = (values: Values) => Object.entries(values).filter(([, value]) => value !== undefined);

function oneLine(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(oneLine).join(", ")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const members = defined(value).map(([key, one]) => `${JSON.stringify(key)}: ${oneLine(one)}`);
  return members.length === 0 ? "{}" : `{ ${members.join(", ")} }`;
}
