// @ts-check
/**
 * The functions of the original's SQL reference, in the database's words. Each is made of parts that take any argument of its
 * kind; the macros (`fh_…`) stand in `macros.js`. A function that is not here is refused.
 */
import { quoted } from "../../../segments/host/quoted.ts";
import { InvalidQuery } from "./invalid-query.js";

/** @typedef {import("./expressions.js").Expression} Expression */
/** What is known of a value without running the query. @typedef {"datetime" | "number" | "string" | "unknown"} Type */
/**
 * What a function is made from: `sql(n)` is its n-th argument, `type(n)` the kind of it, `node(n)` as it was read.
 * @typedef {{
 *   count: number, distinct: boolean, parameters: Expression[], overTable: boolean, now: string,
 *   sql(index: number): string, type(index: number): Type, node(index: number): Expression | undefined,
 * }} Call
 */
/** @typedef {{ arguments: [number, number], type: Type, make(call: Call): string, distinct?: true, parameter?: true }} FunctionRule */

/** @type {Map<string, FunctionRule>} */
const rules = new Map();

/**
 * @param {string} names Separated by spaces.
 * @param {number | [number, number]} count How many arguments it takes.
 * @param {Type} type
 * @param {(call: Call) => string} make
 * @param {{ distinct?: true, parameter?: true }} more
 */
function rule(names, count, type, make, more = {}) {
  for (const name of names.split(" ")) {
    rules.set(name.toLowerCase(), {
      arguments: typeof count === "number" ? [count, count] : count,
      type,
      make,
      ...more,
    });
  }
}

/** @param {string} name */
export function functionNamed(name) {
  const found = rules.get(name.toLowerCase());
  if (!found) {
    throw new InvalidQuery(
      `unknown function ${JSON.stringify(name)}. The reference of the SQL API lists those there are.`,
    );
  }
  return found;
}

export const functionNames = () => [...rules.keys()];

/** A number between 0 and 1, or a count, that stands in the query itself. @param {Expression | undefined} node @param {string} name */
function constant(node, name) {
  if (node?.kind !== "number") throw new InvalidQuery(`${name} takes a number as it is where its parameter stands.`);
  return Number(node.text);
}

/** @param {Call} call @param {number} index */
const dateTime = (call, index) =>
  call.type(index) === "datetime" ? call.sql(index) : `fh_datetime(${call.sql(index)})`;
/** @param {Call} call @param {number} index */
const number = (call, index) => {
  const sql = call.sql(index);
  const type = call.type(index);
  return type === "datetime" ? `epoch(${sql})` : type === "number" ? sql : `fh_number(${sql})`;
};
/** @param {Call} call @param {number} index */
const text = (call, index) => (call.type(index) === "string" ? call.sql(index) : `CAST(${call.sql(index)} AS VARCHAR)`);
/** @param {Call} call @param {number} index */
const integer = (call, index) => `CAST(trunc(${number(call, index)}) AS BIGINT)`;

// Aggregates.
rule(
  "count",
  [0, 1],
  "number",
  ({ count, distinct, sql }) => {
    if (count === 1 && !distinct) throw new InvalidQuery("write count() or count(DISTINCT column).");
    return `CAST(${count === 0 ? "count(*)" : `count(DISTINCT ${sql(0)})`} AS UBIGINT)`;
  },
  { distinct: true },
);
const distinctly = (/** @type {Call} */ { distinct, sql }) => `${distinct ? "DISTINCT " : ""}${sql(0)}`;
rule("sum", 1, "number", (call) => `coalesce(sum(${distinctly(call)}), 0)`, { distinct: true });
rule("avg", 1, "number", (call) => `avg(${distinctly(call)})`, { distinct: true });
rule("min", 1, "unknown", ({ sql }) => `min(${sql(0)})`);
rule("max", 1, "unknown", ({ sql }) => `max(${sql(0)})`);
rule("countIf", 1, "number", ({ sql }) => `CAST(count(*) FILTER (WHERE ${sql(0)}) AS UBIGINT)`);
rule("sumIf", 2, "number", ({ sql }) => `coalesce(sum(${sql(0)}) FILTER (WHERE ${sql(1)}), 0)`);
rule("avgIf", 2, "number", ({ sql }) => `avg(${sql(0)}) FILTER (WHERE ${sql(1)})`);
rule("argMax", 2, "unknown", ({ sql }) => `arg_max(${sql(0)}, ${sql(1)})`);
rule("argMin", 2, "unknown", ({ sql }) => `arg_min(${sql(0)}, ${sql(1)})`);
rule("first_value", 1, "unknown", ({ overTable, sql }) =>
  overTable ? `arg_min(${sql(0)}, "timestamp")` : `first(${sql(0)})`,
);
rule("last_value", 1, "unknown", ({ overTable, sql }) =>
  overTable ? `arg_max(${sql(0)}, "timestamp")` : `last(${sql(0)})`,
);
/** @param {number} level @param {string} value @param {string} weight */
const quantile = (level, value, weight) => {
  if (!(level >= 0 && level <= 1)) throw new InvalidQuery("the level of a quantile is a number from 0 to 1.");
  // Data that was not sampled has equal weights, for which no list is gone through.
  return (
    `CASE WHEN min(${weight}) = max(${weight}) THEN quantile_disc(${value}, ${level}) ELSE ` +
    `fh_weighted_quantile(${level}, list({ 'v': ${value}, 'c': CAST(${weight} AS DOUBLE) } ORDER BY ${value}), sum(${weight})) END`
  );
};
rule(
  "quantileExactWeighted",
  2,
  "unknown",
  ({ parameters, sql }) => {
    return quantile(constant(parameters[0], "quantileExactWeighted(0.5)(column, weight)"), sql(0), sql(1));
  },
  { parameter: true },
);
rule("quantileWeighted", 3, "unknown", ({ node, sql }) => {
  return quantile(constant(node(0), "quantileWeighted(0.5, column, weight)"), sql(1), sql(2));
});
/** @param {Call} call @param {string} name */
const howMany = ({ parameters: [first] }, name) => {
  const count = first === undefined ? 10 : constant(first, `${name}(10)(column)`);
  if (!Number.isInteger(count) || count < 1 || count > 1000)
    throw new InvalidQuery(`${name} takes a number from 1 to 1000.`);
  return count;
};
rule("topK", 1, "unknown", (call) => `approx_top_k(${call.sql(0)}, ${howMany(call, "topK")})`, { parameter: true });
rule(
  "topKWeighted",
  2,
  "unknown",
  (call) => {
    return `fh_top_weighted(${howMany(call, "topKWeighted")}, list(${call.sql(0)}), list(${call.sql(1)}))`;
  },
  { parameter: true },
);

// Conditions.
rule("if", 3, "unknown", ({ sql }) => `CASE WHEN ${sql(0)} THEN ${sql(1)} ELSE ${sql(2)} END`);

// Dates and times, all in UTC.
rule("now", 0, "datetime", ({ now }) => `TIMESTAMP '${now}'`);
rule("today", 0, "datetime", ({ now }) => `DATE '${now.slice(0, 10)}'`);
rule("toDateTime", [1, 2], "datetime", (call) => {
  const value = dateTime(call, 0);
  return call.count === 1 || call.type(0) === "number" ? value : `fh_utc(${value}, ${call.sql(1)})`;
});
rule("toUnixTimestamp", 1, "number", (call) => `CAST(epoch(${dateTime(call, 0)}) AS UINTEGER)`);
rule("formatDateTime", [2, 3], "string", (call) => {
  const inner = call.node(0);
  // A time that was read in a zone is written in it.
  const zone =
    call.count === 3
      ? call.sql(2)
      : inner?.kind === "call" && inner.name.toLowerCase() === "todatetime"
        ? zoneOf(inner)
        : undefined;
  const value = dateTime(call, 0);
  return `strftime(${zone === undefined ? value : `fh_local(${value}, ${zone})`}, ${formatOf(call.node(1))})`;
});
/** @param {Expression & { kind: "call" }} call */
function zoneOf({ arguments: [, zone] }) {
  return zone?.kind === "string" ? quoted(zone.value) : undefined;
}
/** The directives that both know under another letter. @type {Record<string, string>} */
const DIRECTIVES = {
  F: "%Y-%m-%d",
  T: "%H:%M:%S",
  R: "%H:%M",
  i: "%M",
  D: "%m/%d/%y",
  h: "%I",
  n: "\n",
  t: "\t",
  M: "%B",
  W: "%A",
  s: "%S",
  e: "%-d",
  r: "%I:%M %p",
};
const KNOWN = "YmdHMSyjpabBAIuwVGfz%c";
/** @param {Expression | undefined} node */
function formatOf(node) {
  if (node?.kind !== "string") throw new InvalidQuery("formatDateTime takes its format as a text such as '%Y-%m-%d'.");
  return quoted(
    node.value.replace(/%(.?)/gs, (_, letter) => {
      const other = DIRECTIVES[letter];
      if (other) return other;
      if (letter !== "" && KNOWN.includes(letter)) return `%${letter}`;
      throw new InvalidQuery(`formatDateTime does not know %${letter}.`);
    }),
  );
}
rule("toStartOfInterval", [2, 3], "datetime", (call) => {
  const interval = call.node(1);
  if (interval?.kind !== "interval" || interval.count < 1) {
    throw new InvalidQuery("toStartOfInterval takes an interval of at least 1, such as INTERVAL '15' MINUTE.");
  }
  const value = dateTime(call, 0);
  // Weeks begin on Mondays.
  const origin = interval.unit === "WEEK" ? "1970-01-05" : "1970-01-01";
  const bucket = (/** @type {string} */ sql) => `time_bucket(${call.sql(1)}, ${sql}, TIMESTAMP '${origin}')`;
  return call.count === 2 ? bucket(value) : `fh_utc(${bucket(`fh_local(${value}, ${call.sql(2)})`)}, ${call.sql(2)})`;
});
for (const unit of ["Year", "Month", "Week", "Day", "Hour", "Minute"]) {
  rule(
    `toStartOf${unit}`,
    1,
    "datetime",
    (call) => `date_trunc('${unit.toLowerCase()}', CAST(${dateTime(call, 0)} AS TIMESTAMP))`,
  );
}
for (const [name, minutes] of /** @type {const} */ ([
  ["Fifteen", 15],
  ["Ten", 10],
  ["Five", 5],
])) {
  rule(`toStartOf${name}Minutes`, 1, "datetime", (call) => {
    return `time_bucket(INTERVAL '${minutes} minutes', CAST(${dateTime(call, 0)} AS TIMESTAMP), TIMESTAMP '1970-01-01')`;
  });
}
for (const [name, part, type] of /** @type {const} */ ([
  ["toYear", "year", "USMALLINT"],
  ["toMonth", "month", "UTINYINT"],
  ["toDayOfMonth", "day", "UTINYINT"],
  ["toDayOfWeek", "isodow", "UTINYINT"],
  ["toHour", "hour", "UTINYINT"],
  ["toMinute", "minute", "UTINYINT"],
  ["toSecond", "second", "UTINYINT"],
])) {
  rule(name, 1, "number", (call) => `CAST(${part}(${dateTime(call, 0)}) AS ${type})`);
}
rule("toYYYYMM", 1, "number", (call) => {
  const value = dateTime(call, 0);
  return `CAST(year(${value}) * 100 + month(${value}) AS UINTEGER)`;
});
rule("extract", 2, "number", (call) => {
  const unit = call.node(0);
  const known = ["YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"];
  if (unit?.kind !== "string" || !known.includes(unit.value))
    throw new InvalidQuery(`extract knows ${known.join(", ")}.`);
  return `CAST(${unit.value.toLowerCase()}(${dateTime(call, 1)}) AS USMALLINT)`;
});

// Texts.
rule("length", 1, "number", (call) => `CAST(length(${text(call, 0)}) AS UBIGINT)`);
rule("empty", 1, "number", (call) => `(${text(call, 0)} = '')`);
rule("lower lowerUTF8 toLower", 1, "string", (call) => `lower(${text(call, 0)})`);
rule("upper upperUTF8 toUpper", 1, "string", (call) => `upper(${text(call, 0)})`);
rule("startsWith", 2, "number", (call) => `starts_with(${text(call, 0)}, ${text(call, 1)})`);
rule("endsWith", 2, "number", (call) => `ends_with(${text(call, 0)}, ${text(call, 1)})`);
// Its needle is the first, as in `position(needle IN haystack)`.
rule("position", 2, "number", (call) => `CAST(strpos(${text(call, 1)}, ${text(call, 0)}) AS UBIGINT)`);
rule("substring", [2, 3], "string", (call) => {
  return `substr(${[text(call, 0), integer(call, 1), ...(call.count === 3 ? [integer(call, 2)] : [])].join(", ")})`;
});
rule("format", [1, 100], "string", (call) => {
  const pattern = call.node(0);
  const places = pattern?.kind === "string" ? pattern.value.split("{}") : undefined;
  if (!places || places.some((part) => /[{}]/.test(part))) {
    throw new InvalidQuery("format takes a text with {} for each value, and no other braces.");
  }
  if (places.length !== call.count)
    throw new InvalidQuery(`format has ${places.length - 1} places for ${call.count - 1} values.`);
  return `concat(${places.flatMap((part, index) => [quoted(part), ...(index < places.length - 1 ? [text(call, index + 1)] : [])]).join(", ")})`;
});

// Numbers.
rule("intDiv", 2, "number", (call) => `TRY_CAST(trunc(${number(call, 0)} / ${number(call, 1)}) AS BIGINT)`);
rule("log ln", 1, "number", (call) => `ln(CAST(${number(call, 0)} AS DOUBLE))`);
rule("pow", 2, "number", (call) => `pow(${number(call, 0)}, ${number(call, 1)})`);
for (const name of ["floor", "ceil", "round"]) {
  rule(name, [1, 2], "number", (call) => {
    const value = `CAST(${number(call, 0)} AS DOUBLE)`;
    if (call.count === 1) return `${name}(${value})`;
    return name === "round"
      ? `round(${value}, CAST(${integer(call, 1)} AS INTEGER))`
      : `(${name}(${value} * pow(10, ${number(call, 1)})) / pow(10, ${number(call, 1)}))`;
  });
}
rule("toUInt8", 1, "number", (call) => `CAST(CAST(trunc(${number(call, 0)}) AS BIGINT) & 255 AS UTINYINT)`);
rule("toUInt32", 1, "number", (call) => `CAST(CAST(trunc(${number(call, 0)}) AS BIGINT) & 4294967295 AS UINTEGER)`);

// Bits, within the width that the value was written in.
/** @param {Expression | undefined} node @returns {8 | 16 | 32 | 64} */
function widthOf(node) {
  if (node?.kind === "number") {
    const value = Number(node.text);
    return value < 2 ** 8 ? 8 : value < 2 ** 16 ? 16 : value < 2 ** 32 ? 32 : 64;
  }
  const name = node?.kind === "call" ? node.name.toLowerCase() : "";
  return name === "touint8" ? 8 : name === "touint32" ? 32 : 64;
}
/**
 * @param {Call} call
 * @param {(value: string, width: number) => string} make
 * @param {number} widths How many arguments decide the width.
 */
function within(call, make, widths = 1) {
  const width = /** @type {8 | 16 | 32 | 64} */ (
    Math.max(...Array.from({ length: widths }, (_, index) => widthOf(call.node(index))))
  );
  const value = `CAST(${integer(call, 0)} AS HUGEINT)`;
  const type = { 8: "UTINYINT", 16: "USMALLINT", 32: "UINTEGER", 64: "UBIGINT" }[width];
  return `CAST((${make(value, width)}) & ${2n ** BigInt(width) - 1n}::HUGEINT AS ${type})`;
}
rule("bitAnd", 2, "number", (call) => within(call, (value) => `${value} & ${integer(call, 1)}`, 2));
rule("bitOr", 2, "number", (call) => within(call, (value) => `${value} | ${integer(call, 1)}`, 2));
rule("bitXor", 2, "number", (call) => within(call, (value) => `xor(${value}, ${integer(call, 1)})`, 2));
rule("bitNot", 1, "number", (call) => within(call, (value) => `~${value}`));
rule("bitCount", 1, "number", (call) => `CAST(bit_count(${integer(call, 0)}) AS UTINYINT)`);
rule(
  "bitHammingDistance",
  2,
  "number",
  (call) => `CAST(bit_count(xor(${integer(call, 0)}, ${integer(call, 1)})) AS UTINYINT)`,
);
rule("bitTest", 2, "number", (call) => `CAST((${integer(call, 0)} >> ${integer(call, 1)}) & 1 AS UTINYINT)`);
/** Shifting is multiplying: a huge integer has room for 64 bits more. @param {string} value @param {string} places */
const left = (value, places) => `${value} * CAST(pow(2, (${places}) % 64) AS HUGEINT)`;
/** @param {string} value @param {string} places */
const right = (value, places) => `${value} >> CAST(least(${places}, 126) AS HUGEINT)`;
rule("bitShiftLeft", 2, "number", (call) => {
  return within(
    call,
    (value, width) =>
      `CASE WHEN ${integer(call, 1)} >= ${width} THEN 0::HUGEINT ELSE ${left(value, integer(call, 1))} END`,
  );
});
rule("bitShiftRight", 2, "number", (call) => within(call, (value) => right(value, integer(call, 1))));
rule("bitRotateLeft", 2, "number", (call) =>
  within(call, (value, width) => {
    const places = `(${integer(call, 1)} % ${width})`;
    return `(${left(value, places)}) | (${right(value, `${width} - ${places}`)})`;
  }),
);
rule("bitRotateRight", 2, "number", (call) =>
  within(call, (value, width) => {
    const places = `(${integer(call, 1)} % ${width})`;
    return `(${right(value, places)}) | (CASE WHEN ${places} = 0 THEN 0::HUGEINT ELSE ${left(value, `${width} - ${places}`)} END)`;
  }),
);

// Encodings: whole bytes.
for (const [name, digits] of /** @type {const} */ ([
  ["hex", 2],
  ["bin", 8],
])) {
  rule(name, 1, "string", (call) => {
    if (call.type(0) !== "number") return `${name}(${text(call, 0)})`;
    return `fh_whole_bytes(${name}(CAST(${integer(call, 0)} AS UBIGINT)), ${digits})`;
  });
}
