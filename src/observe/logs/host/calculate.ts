/** The view of calculations: numbers over events, in groups and over time. */
import { quoted } from "../../../products/segments/host/quoted.ts";
import { Refusal } from "../../../products/segments/host/refusal.ts";
import { conditionOf } from "./conditions.ts";
import { textOf, typedOf } from "./keys.ts";
import type { Calculation, CalculationsRequest, GroupBy, Having, Operator } from "./requests.ts";
import type { Ask, Row } from "./results.ts";

/** Groups that a series has lines for: the first of the answer. */
const MAX_SERIES_GROUPS = 50;

const comparisons: Record<Having["operation"], string> = { eq: "=", neq: "<>", gt: ">", gte: ">=", lt: "<", lte: "<=" };

type Value = string | number | boolean;

interface Figures {
  count: number;
  interval: number;
  sampleInterval: number;
  value: number;
  groups?: { key: string; value: Value }[];
}

export async function calculate(request: CalculationsRequest, ask: Ask): Promise<object[]> {
  const { groupBys, calculations, limit, offset } = request;
  const condition = conditionOf(request);
  const columns = calculations.map((one, index) => `${sqlOf(one, request.accountId)} AS c${index}`);
  const groups = groupBys.map((one, index) => `${typedOf(one.value, one.type, request.accountId)} AS g${index}`);
  const names = groupBys.map((_, index) => `g${index}`);
  const figures = ["sum(n) AS total", "count(*) AS stored", ...columns];
  const grouped = (more: readonly string[]) => {
    const by = [...more, ...names];
    return by.length > 0 ? ` GROUP BY ${by.join(", ")}` : "";
  };
  const rows = await ask(
    (from) =>
      `SELECT ${[...groups, ...figures].join(", ")} FROM ${from} WHERE ${condition}${grouped([])}${havingOf(request)}` +
      ` ORDER BY ${orderOf(request)}${names.map((name) => `, ${name}`).join("")} LIMIT ${limit} OFFSET ${offset}`,
  );
  const { bucketMs } = request;
  const seriesRows =
    bucketMs === undefined || rows.length === 0
      ? []
      : await ask(
          (from) =>
            `SELECT t // ${bucketMs} AS bucket, min(t) AS first, max(t) AS last, ${[...groups, ...figures].join(", ")}` +
            ` FROM ${from} WHERE ${condition}${ofGroups(request, rows.slice(0, MAX_SERIES_GROUPS))}${grouped(["bucket"])}` +
            ` ORDER BY bucket${names.map((name) => `, ${name}`).join("")}`,
        );
  return calculations.map((calculation, index) => ({
    calculation: calculation.asked,
    ...(calculation.alias !== undefined && { alias: calculation.alias }),
    aggregates: request.aggregates ? rows.flatMap((row) => figuresOf(row, index, groupBys)) : [],
    series: seriesOf(seriesRows, index, groupBys, bucketMs ?? 1),
  }));
}

function sqlOf({ operator, key, keyType }: Calculation, accountId: string): string {
  if (operator === "count")
    return key === undefined ? "sum(n)" : `sum(n) FILTER (${textOf(key, accountId)} IS NOT NULL)`;
  if (key === undefined) throw new Refusal(`the calculation ${operator} needs a key.`);
  if (operator === "uniq") return `count(DISTINCT ${typedOf(key, keyType, accountId)})`;
  const x = typedOf(key, "number", accountId);
  switch (operator) {
    case "max":
    case "min":
      return `${operator}(${x})`;
    case "sum":
      return `sum(${x} * n)`;
    case "avg":
      return `sum(${x} * n) / sum(n) FILTER (${x} IS NOT NULL)`;
    case "stddev":
      return `stddev_pop(${x})`;
    case "variance":
      return `var_pop(${x})`;
    default:
      return `quantile_cont(${x}, ${levelOf(operator)})`;
  }
}

/** `p05` is 0.05, `p999` is 0.999, `p001` is 0.001. */
function levelOf(operator: Operator): number {
  return operator === "median" ? 0.5 : Number(`0.${operator.slice(1)}`);
}

/** Column of the calculation that is meant: by its alias, or by its operator. */
function columnOf({ calculations }: CalculationsRequest, name: string): string {
  const same = (other: string | undefined) => other?.toLowerCase() === name.toLowerCase();
  const byAlias = calculations.findIndex(({ alias }) => same(alias));
  const found = byAlias >= 0 ? byAlias : calculations.findIndex(({ operator, asked }) => same(operator) || same(asked));
  if (found < 0) throw new Refusal(`there is no calculation ${JSON.stringify(name)}: say its alias or its operator.`);
  return `c${found}`;
}

function havingOf(request: CalculationsRequest): string {
  const conditions = request.havings.map(
    ({ key, operation, value }) => `${columnOf(request, key)} ${comparisons[operation]} ${value}::DOUBLE`,
  );
  return conditions.length > 0 ? ` HAVING ${conditions.join(" AND ")}` : "";
}

function orderOf(request: CalculationsRequest): string {
  const { orderBy } = request;
  const column = orderBy ? columnOf(request, orderBy.value) : "c0";
  return `${column} ${orderBy?.order === "asc" ? "ASC" : "DESC"} NULLS LAST`;
}

/** Events of the groups that are in the answer. */
function ofGroups({ groupBys, accountId }: CalculationsRequest, rows: readonly Row[]): string {
  if (groupBys.length === 0) return "";
  const same = ({ value, type }: GroupBy, given: unknown) => {
    const literal = given === null ? "NULL" : typeof given === "number" ? `${given}::DOUBLE` : quoted(String(given));
    return `${typedOf(value, type, accountId)} IS NOT DISTINCT FROM ${literal}`;
  };
  const group = (row: Row) => `(${groupBys.map((one, index) => same(one, row[`g${index}`])).join(" AND ")})`;
  return ` AND (${rows.map(group).join(" OR ")})`;
}

/** Nothing where there is no number to answer: of an empty selection there is no average. */
function figuresOf(row: Row, index: number, groupBys: readonly GroupBy[]): Figures[] {
  const [value, total, stored] = [row[`c${index}`], row.total, row.stored].map((one) =>
    one === null ? null : Number(one),
  );
  const isEmpty = stored === 0 || stored === undefined || stored === null;
  if (value === undefined || value === null || !Number.isFinite(value))
    return isEmpty && groupBys.length === 0 ? [none] : [];
  const interval = isEmpty ? 1 : (total ?? stored) / stored;
  const figures: Figures = { count: total ?? 0, interval, sampleInterval: interval, value };
  if (groupBys.length > 0) {
    figures.groups = groupBys.map((one, position) => ({ key: one.value, value: groupValue(row[`g${position}`], one) }));
  }
  return [figures];
}

const none: Figures = { count: 0, interval: 1, sampleInterval: 1, value: 0 };

function groupValue(value: unknown, { type }: GroupBy): Value {
  if (type === "number") return value === null ? "" : Number(value);
  if (type === "boolean" && (value === "true" || value === "false")) return value === "true";
  return value === null ? "" : String(value);
}

function seriesOf(rows: readonly Row[], index: number, groupBys: readonly GroupBy[], bucketMs: number): object[] {
  const points = new Map<number, object[]>();
  for (const row of rows) {
    const seen = { firstSeen: timeText(Number(row.first)), lastSeen: timeText(Number(row.last)) };
    const at = Number(row.bucket) * bucketMs;
    const data = figuresOf(row, index, groupBys).map((figures) => ({ ...figures, ...seen }));
    points.set(at, [...(points.get(at) ?? []), ...data]);
  }
  return [...points].map(([at, data]) => ({ time: timeText(at), data }));
}

export function timeText(ms: number): string {
  return new Date(ms).toISOString();
}
