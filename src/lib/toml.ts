/**
 * TOML 1.0 as configuration files have it, and where each of its statements stands. Dates are texts. Our own, as
 * `toml-edit.ts` needs those places, and `smol-toml` gives values only.
 */

export type TomlTable = { [key: string]: unknown };

/** A header (`[a.b]`, `[[a.b]]`) or a pair (`a.b = 1`). */
export interface TomlStatement {
  kind: "table" | "list" | "pair";
  /** From the document's root: of a pair its header's path and its own keys. */
  path: string[];
  /** Of a pair: how many of the path's keys are the header's. */
  inherited: number;
  start: number;
  /** Behind the statement, before what is said of it and the end of its line. */
  end: number;
  /** Of a pair: where its value begins, and what it is. */
  valueStart: number;
  value: unknown;
}

const BLANKS = /[ \t]*/y;
const TRIVIA = /(?:[ \t\r\n]|#[^\n]*)*/y;
const REST = /[ \t]*(?:#[^\n]*)?(?:\r?\n|$)/y;
const BARE = /[A-Za-z0-9_-]+/y;
const LITERAL = /'[^'\r\n]*'/y;
const BASIC = /"(?:[^"\\\r\n]|\\.)*"/y;
const LONG_LITERAL = /'''\r?\n?([\s\S]*?'{0,2})'''(?!')/y;
const LONG_BASIC = /"""\r?\n?((?:[^\\"]|\\[\s\S]|"{1,2}(?!"))*"{0,2})"""/y;
const WORD = /[^\s,\]}#]+(?: \d{2}:[^\s,\]}#]+)?/y;
const NUMBER = /^[+-]?(?:0x[\da-fA-F_]+|0o[0-7_]+|0b[01_]+|[\d_]+(?:\.[\d_]+)?(?:[eE][+-]?[\d_]+)?)$/;
const MAX_DEPTH = 100;

export function parseToml(text: string): TomlTable {
  return tomlValues(tomlStatements(text));
}

/** Throws `SyntaxError` with the line. */
export function tomlStatements(text: string): TomlStatement[] {
  let at = text.startsWith("\ufeff") ? 1 : 0;
  const fail = (what: string): never => {
    throw new SyntaxError(`line ${text.slice(0, at).split("\n").length}: ${what}`);
  };
  const match = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(text) ?? undefined;
    at += found?.[0].length ?? 0;
    return found;
  };
  const take = (sign: string): boolean => {
    if (!text.startsWith(sign, at)) return false;
    at += sign.length;
    return true;
  };
  const key = (): string[] => {
    const keys: string[] = [];
    do {
      match(BLANKS);
      const part = match(BARE)?.[0] ?? match(LITERAL)?.[0].slice(1, -1) ?? unescaped(match(BASIC)?.[0].slice(1, -1));
      keys.push(part ?? fail("a key is missing"));
      match(BLANKS);
    } while (take("."));
    return keys;
  };
  const unescaped = (part: string | undefined): string | undefined =>
    part?.replace(/\\(u[\da-fA-F]{4}|U[\da-fA-F]{8}|[ \t]*\r?\n\s*|[\s\S])/g, (_all, sign: string) => {
      if (/^[uU]/.test(sign) && sign.length > 1) return String.fromCodePoint(Number.parseInt(sign.slice(1), 16));
      if (/^\s/.test(sign) && sign.includes("\n")) return "";
      return escapes[sign] ?? fail(`\\${sign} is no escape`);
    });
  const word = (): unknown => {
    const said = match(WORD)?.[0] ?? fail("a value is missing");
    if (said === "true" || said === "false") return said === "true";
    if (/^[+-]?(inf|nan)$/.test(said)) return Number(said.replace("inf", "Infinity").replace(/[+-]?nan/, "NaN"));
    if (NUMBER.test(said)) return Number(said.replaceAll("_", ""));
    return /^\d{2}/.test(said) ? said : fail(`${JSON.stringify(said.slice(0, 40))} is no value`);
  };
  const value = (depth: number): unknown => {
    if (depth > MAX_DEPTH) fail("it is nested too deeply");
    if (text.startsWith('"""', at)) return unescaped((match(LONG_BASIC) ?? fail("a text has no end"))[1]);
    if (text.startsWith("'''", at)) return (match(LONG_LITERAL) ?? fail("a text has no end"))[1];
    if (text[at] === '"') return unescaped((match(BASIC) ?? fail("a text has no end"))[0].slice(1, -1));
    if (text[at] === "'") return (match(LITERAL) ?? fail("a text has no end"))[0].slice(1, -1);
    if (take("[")) {
      const items: unknown[] = [];
      for (match(TRIVIA); !take("]"); match(TRIVIA)) {
        items.push(value(depth + 1));
        match(TRIVIA);
        if (!take(",") && text[at] !== "]") fail("a comma or ] is missing");
      }
      return items;
    }
    if (take("{")) {
      const table: TomlTable = {};
      for (match(TRIVIA); !take("}"); match(TRIVIA)) {
        const keys = key();
        if (!take("=")) fail("= is missing");
        match(BLANKS);
        put(table, keys, value(depth + 1));
        match(TRIVIA);
        if (!take(",") && text[at] !== "}") fail("a comma or } is missing");
      }
      return table;
    }
    return word();
  };
  const statements: TomlStatement[] = [];
  let header: string[] = [];
  for (match(TRIVIA); at < text.length; match(TRIVIA)) {
    const start = at;
    const kind = take("[[") ? "list" : take("[") ? "table" : "pair";
    const keys = key();
    if (kind === "pair") {
      if (!take("=")) fail("= is missing");
      match(BLANKS);
      const valueStart = at;
      const said = value(0);
      const path = [...header, ...keys];
      statements.push({ kind, path, inherited: header.length, start, end: at, valueStart, value: said });
    } else {
      if (!take(kind === "list" ? "]]" : "]")) fail("] is missing");
      header = keys;
      statements.push({ kind, path: keys, inherited: 0, start, end: at, valueStart: at, value: undefined });
    }
    if (!match(REST)) fail("something follows on the line");
  }
  return statements;
}

const escapes: Record<string, string> = {
  b: "\b",
  t: "\t",
  n: "\n",
  f: "\f",
  r: "\r",
  e: "\u001b",
  '"': '"',
  "\\": "\\",
};

/** Throws `SyntaxError` for what says a thing twice. */
export function tomlValues(statements: readonly TomlStatement[]): TomlTable {
  const root: TomlTable = {};
  let table = root;
  for (const { kind, path, inherited, value } of statements) {
    if (kind === "pair") put(table, path.slice(inherited), value);
    else if (kind === "table") table = reach(root, path);
    else {
      const list = reach(root, path.slice(0, -1));
      const name = path.at(-1) ?? "";
      table = {};
      if (!Object.hasOwn(list, name)) define(list, name, [table]);
      else if (Array.isArray(list[name])) (list[name] as unknown[]).push(table);
      else throw new SyntaxError(`"${path.join(".")}" is a list, and something else`);
    }
  }
  return root;
}

function put(table: TomlTable, keys: string[], value: unknown): void {
  const inner = reach(table, keys.slice(0, -1));
  const name = keys.at(-1) ?? "";
  if (Object.hasOwn(inner, name)) throw new SyntaxError(`"${keys.join(".")}" is said twice`);
  define(inner, name, value);
}

/** The table of that path, made where it is missing; of a list its last one. */
function reach(table: TomlTable, path: string[]): TomlTable {
  let inner = table;
  for (const name of path) {
    if (!Object.hasOwn(inner, name)) define(inner, name, {});
    const found = inner[name];
    const next = Array.isArray(found) ? found.at(-1) : found;
    if (typeof next !== "object" || next === null)
      throw new SyntaxError(`"${path.join(".")}" is a table, and something else`);
    inner = next as TomlTable;
  }
  return inner;
}

/** Whatever the name, `__proto__` too. */
function define(table: TomlTable, name: string, value: unknown): void {
  Object.defineProperty(table, name, { value, enumerable: true, configurable: true, writable: true });
}
