// @ts-check
/** What functions are made from and the database lacks. Statements, run once before any query. */
export const macros = [
  // A number or a text of digits is seconds since 1970; anything else a date and time. What is neither is null.
  String.raw`create macro fh_datetime(x) as case when regexp_full_match(cast(x as varchar), '-?\d+(\.\d+)?')
    then make_timestamp(cast(floor(try_cast(cast(x as varchar) as double)) as bigint) * 1000000)
    else date_trunc('second', try_cast(cast(x as varchar) as timestamp)) end`,
  String.raw`create macro fh_number(x) as case when regexp_full_match(cast(x as varchar), '\d{4}-\d\d-\d\d.*')
    then epoch(try_cast(cast(x as varchar) as timestamp)) else try_cast(cast(x as varchar) as double) end`,
  // Times stand in UTC; these two go to a zone and back.
  "create macro fh_local(x, zone) as timezone(zone, timezone('UTC', cast(x as timestamp)))",
  "create macro fh_utc(x, zone) as timezone('UTC', timezone(zone, cast(x as timestamp)))",
  // The first value at which the weights before and with it reach the level. Sorted: { v, c }.
  `create macro fh_weighted_quantile(level, sorted, total) as
    (list_reduce(sorted, lambda a, b: case when a.c >= level * total then a else struct_pack(v := b.v, c := a.c + b.c) end)).v`,
  `create macro fh_top_weighted(n, vs, ws) as (select list(v order by s desc) from
    (select v, sum(w) as s from (select unnest(vs) as v, unnest(ws) as w) group by v order by s desc limit n))`,
  "create macro fh_whole_bytes(digits, size) as lpad(digits, cast(ceil(length(digits) / size) * size as integer), '0')",
];
