/** What is asked of a host of logs, in JSON. Control has checked all of it (`../schema.ts`). */

export type ValueType = "string" | "number" | "boolean";

export interface Timeframe {
  /** Milliseconds since 1970; both belong to it. */
  from: number;
  to: number;
}

export type Operation =
  | "includes"
  | "not_includes"
  | "starts_with"
  | "ends_with"
  | "regex"
  | "exists"
  | "is_null"
  | "in"
  | "not_in"
  | "eq"
  | "neq"
  | "gt"
  | "gte"
  | "lt"
  | "lte";

export interface FilterLeaf {
  kind: "filter";
  key: string;
  operation: Operation;
  type: ValueType;
  value?: string | number | boolean | undefined;
}

export interface FilterGroup {
  kind: "group";
  filterCombination: "and" | "or";
  filters: Filter[];
}

export type Filter = FilterLeaf | FilterGroup;

export interface Needle {
  value: string;
  isRegex: boolean;
  matchCase: boolean;
}

/** Which events. */
export interface Selection {
  accountId: string;
  timeframe: Timeframe;
  filters: FilterGroup;
  needle?: Needle | undefined;
}

/** `p50` and so on are quantiles. */
export type Operator =
  | "count"
  | "uniq"
  | "max"
  | "min"
  | "sum"
  | "avg"
  | "median"
  | "stddev"
  | "variance"
  | `p${"001" | "01" | "05" | "10" | "25" | "75" | "90" | "95" | "99" | "999"}`;

export interface Calculation {
  operator: Operator;
  /** As it was asked for, which is how it is answered. */
  asked: string;
  key?: string | undefined;
  keyType: ValueType;
  alias?: string | undefined;
}

export interface GroupBy {
  value: string;
  type: ValueType;
}

export interface Having {
  key: string;
  operation: "eq" | "neq" | "gt" | "gte" | "lt" | "lte";
  value: number;
}

export interface EventsRequest extends Selection {
  kind: "events" | "invocations";
  limit: number;
  /** Id of the event after which the page begins. */
  cursor?: string | undefined;
  direction: "next" | "prev";
  /** Milliseconds of a point of the series; undefined: none is wanted. */
  bucketMs?: number | undefined;
}

export interface CalculationsRequest extends Selection {
  kind: "calculations";
  calculations: Calculation[];
  groupBys: GroupBy[];
  havings: Having[];
  orderBy?: { value: string; order: "asc" | "desc" } | undefined;
  limit: number;
  offset: number;
  aggregates: boolean;
  bucketMs?: number | undefined;
}

export interface KeysRequest extends Selection {
  kind: "keys";
  keyNeedle?: Needle | undefined;
  limit: number;
}

export interface ValuesRequest extends Selection {
  kind: "values";
  key: string;
  type: ValueType;
  limit: number;
}

export type LogRequest = EventsRequest | CalculationsRequest | KeysRequest | ValuesRequest;
