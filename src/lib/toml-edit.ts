/** Changes values in a TOML file, and leaves all else of the text as it is. */

import { isDeepStrictEqual } from "node:util";
import { isObject } from "./is-object.ts";
import { applyEdits, lineEnd, type TextEdit } from "./text-edits.ts";
import { type TomlStatement, type TomlTable, tomlStatements, tomlValues } from "./toml.ts";

/** The text with other values: only the statements whose values differ are written anew. Throws `SyntaxError`. */
export function editToml(text: string, wanted: TomlTable): string {
  const statements = tomlStatements(text);
  const editor = new Editor(text, statements);
  editor.change([], tomlValues(statements), wanted);
  return editor.finished();
}

class Editor {
  readonly #text: string;
  readonly #eol: string;
  readonly #statements: readonly TomlStatement[];
  readonly #edits: TextEdit[] = [];
  /** Tables that come behind all there is. */
  readonly #tables: string[] = [];

  constructor(text: string, statements: readonly TomlStatement[]) {
    this.#text = text;
    this.#eol = lineEnd(text);
    this.#statements = statements;
  }

  finished(): string {
    const edited = applyEdits(this.#text, this.#edits);
    if (this.#tables.length === 0) return edited;
    const body = edited.trimEnd();
    return `${body}${body === "" ? "" : this.#eol.repeat(2)}${this.#tables.join(this.#eol.repeat(2))}${this.#eol}`;
  }

  change(path: string[], before: TomlTable, after: TomlTable): void {
    const added: TomlTable = {};
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      const [old, value] = [before[key], after[key]];
      const inner = [...path, key];
      if (isDeepStrictEqual(old, value)) continue;
      const pair = this.#statements.find((one) => one.kind === "pair" && isDeepStrictEqual(one.path, inner));
      if (value === undefined || value === null) this.#remove(inner);
      else if (old === undefined) added[key] = value;
      else if (pair && !this.#isInList(pair))
        this.#edits.push({ start: pair.valueStart, end: pair.end, text: inline(value) });
      else if (isObject(old) && isObject(value)) this.change(inner, old, value);
      else {
        this.#remove(inner);
        added[key] = value;
      }
    }
    this.#add(path, added);
    // A table that only its inner ones had made.
    const isNamed = this.#statements.some(({ kind, path: of }) => kind === "table" && isDeepStrictEqual(of, path));
    if (path.length > 0 && !isNamed && Object.keys(after).length === 0) this.#tables.push(`[${keyText(path)}]`);
  }

  /** In a table of a list there may be more pairs of the same path. */
  #isInList({ path, inherited }: TomlStatement): boolean {
    const header = path.slice(0, inherited);
    return this.#statements.some(({ kind, path: of }) => kind === "list" && startsWith(header, of));
  }

  /** With all that is below it. Comments above stay. */
  #remove(path: string[]): void {
    for (const one of this.#statements) {
      if (!startsWith(one.path, path)) continue;
      const start = this.#text.lastIndexOf("\n", one.start - 1) + 1;
      this.#edits.push({ start, end: this.#lineEnds(one.end), text: "" });
    }
  }

  #add(path: string[], values: TomlTable): void {
    const [pairs, tables] = partition(values);
    if (pairs.length > 0) this.#addPairs(path, pairs);
    for (const [key, value] of tables) this.#tables.push(...tableTexts([...path, key], value, this.#eol));
  }

  #addPairs(path: string[], pairs: [string, unknown][]): void {
    const here = this.#statements.findLast(
      ({ kind, path: of, inherited }) =>
        kind === "pair" &&
        startsWith(of, path) &&
        inherited <= path.length &&
        of.length > path.length &&
        inherited === this.#headerLength(path),
    );
    const header = this.#statements.find(({ kind, path: of }) => kind === "table" && isDeepStrictEqual(of, path));
    const behind = here ?? header;
    const keys = here ? path.slice(here.inherited) : [];
    const lines = pairs.map(([key, value]) => `${keyText([...keys, key])} = ${inline(value)}`);
    if (behind) {
      const place = this.#lineEnds(behind.end);
      const isEnded = this.#text[place - 1] === "\n";
      const text = isEnded ? lines.map((line) => line + this.#eol) : lines.map((line) => this.#eol + line);
      this.#edits.push({ start: place, end: place, text: text.join("") });
    } else if (path.length > 0) this.#tables.push([`[${keyText(path)}]`, ...lines].join(this.#eol));
    else {
      // Before the first table, whose pairs they would be.
      const first = this.#statements[0];
      const place = first ? this.#text.lastIndexOf("\n", first.start - 1) + 1 : this.#text.length;
      this.#edits.push({ start: place, end: place, text: lines.map((line) => line + this.#eol).join("") });
    }
  }

  /** Of the header under which pairs of the path stand already. */
  #headerLength(path: string[]): number {
    if (path.length === 0) return 0;
    const header = this.#statements.find(({ kind, path: of }) => kind === "table" && isDeepStrictEqual(of, path));
    if (header) return path.length;
    return this.#statements.find(({ kind, path: of }) => kind === "pair" && startsWith(of, path))?.inherited ?? -1;
  }

  /** Behind the line, with its comment and its end. */
  #lineEnds(end: number): number {
    const line = /[^\n]*(?:\n|$)/y;
    line.lastIndex = end;
    return end + (line.exec(this.#text)?.[0].length ?? 0);
  }
}

const startsWith = (path: string[], start: string[]) => start.every((key, index) => path[index] === key);
const isListOfTables = (value: unknown): value is TomlTable[] =>
  Array.isArray(value) && value.length > 0 && value.every(isObject);

/** What stands in one line each, and what needs headers. */
function partition(values: TomlTable): [pairs: [string, unknown][], tables: [string, TomlTable | TomlTable[]][]] {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined && value !== null);
  return [
    entries.filter(([, value]) => !isObject(value) && !isListOfTables(value)),
    entries.filter(
      (entry): entry is [string, TomlTable | TomlTable[]] => isObject(entry[1]) || isListOfTables(entry[1]),
    ),
  ];
}

function tableTexts(path: string[], value: TomlTable | TomlTable[], eol: string): string[] {
  const line = ([key, one]: [string, unknown]) => `${keyText([key])} = ${inline(one)}`;
  if (Array.isArray(value)) return value.map((one) => [`[[${keyText(path)}]]`, ...defined(one).map(line)].join(eol));
  const [pairs, tables] = partition(value);
  const own = pairs.length > 0 || tables.length === 0 ? [[`[${keyText(path)}]`, ...pairs.map(line)].join(eol)] : [];
  return [...own, ...tables.flatMap(([key, inner]) => tableTexts([...path, key], inner, eol))];
}

const defined = (table: TomlTable) => Object.entries(table).filter(([, one]) => one !== undefined && one !== null);
const keyText = (keys: string[]) =>
  keys.map((key) => (/^[A-Za-z0-9_-]+$/.test(key) ? key : JSON.stringify(key))).join(".");

function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(", ")}]`;
  if (isObject(value)) {
    const pairs = defined(value).map(([key, one]) => `${keyText([key])} = ${inline(one)}`);
    return pairs.length === 0 ? "{}" : `{ ${pairs.join(", ")} }`;
  }
  // The same escapes, but for one character.
  return typeof value === "string" ? JSON.stringify(value).replaceAll("\u007f", "\\u007F") : String(value);
}
