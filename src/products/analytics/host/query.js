// @ts-check
import { filesOf, STREAM, streamsIn } from "../../segments/host/files.ts";
import { MAX_ATTEMPTS, MEMORY_MB } from "../../segments/host/limits.ts";
import { rowsOf } from "./relation.js";
import { resultText, textResult, timeText } from "./results.js";
import { InvalidQuery } from "./sql/invalid-query.js";
import { parse } from "./sql/parser.js";
import { write } from "./sql/write.js";

/** @typedef {import("@duckdb/node-api").DuckDBConnection} Connection */
/** @typedef {{ format: import("./sql/parser.js").Format, text: string }} Answer */

/**
 * Answers a query of the SQL API over an account's files. Throws {@link InvalidQuery} with what is wrong with it.
 * @param {Connection} connection
 * @param {string} root
 * @param {string} sql
 * @returns {Promise<Answer>}
 */
export async function answer(connection, root, sql) {
  const statement = parse(sql);
  const { format } = statement;
  if (statement.kind === "show") return { format, text: show(statement.what, format, root) };
  const names = resultNames(statement.select);
  const now = timeText(BigInt(Math.floor(Date.now() / 1000)));
  for (let attempt = 1; ; attempt++) {
    const written = write(statement.select, { now, relation: (dataset) => relation(root, dataset) });
    try {
      const result = await connection.stream(written);
      return { format, text: await resultText(result, format, names ?? result.columnNames()) };
    } catch (error) {
      if (error instanceof InvalidQuery) throw error;
      const message = error instanceof Error ? error.message : String(error);
      // Files were packed or have expired since they were listed.
      if (attempt < MAX_ATTEMPTS && /^IO Error/.test(message)) continue;
      throw refusal(message);
    }
  }
}

/** Names as they were written; undefined where * stands for some. @param {import("./sql/parser.js").Select} select */
function resultNames({ items }) {
  return items.some(({ expression }) => expression === "*") ? undefined : items.map(({ name }) => name);
}

/** @param {string} root @param {string} dataset */
function relation(root, dataset) {
  const datasets = streamsIn(root);
  if (!STREAM.test(dataset) || !datasets.includes(dataset)) {
    const near = datasets.find((name) => name.toLowerCase() === dataset.toLowerCase());
    throw new InvalidQuery(
      `unable to find the dataset ${JSON.stringify(dataset)}. ${near ? `Write ${near}.` : "A dataset is made when a Worker writes its first data point; SHOW TABLES lists those there are."}`,
    );
  }
  return rowsOf(dataset, filesOf(root, dataset));
}

/** @param {"TABLES" | "TIMEZONE" | "TIMEZONES"} what @param {Answer["format"]} format @param {string} root */
function show(what, format, root) {
  switch (what) {
    case "TABLES":
      return textResult(
        format,
        ["dataset", "type"],
        streamsIn(root).map((name) => [name, "default"]),
      );
    case "TIMEZONE":
      return textResult(format, ["timezone"], [["Etc/UTC"]]);
    case "TIMEZONES":
      return textResult(
        format,
        ["timezone"],
        ["Etc/UTC", ...Intl.supportedValuesOf("timeZone")].map((name) => [name]),
      );
  }
}

/** What the engine says about a query, as far as it is about the query. @param {string} message */
function refusal(message) {
  if (/^Out of Memory/.test(message)) {
    return new InvalidQuery(
      `the query needs more than ${MEMORY_MB} MiB of memory. Make it smaller: fewer groups, a shorter time, or no quantiles of all rows.`,
    );
  }
  if (/^(Binder|Conversion|Invalid Input|Out of Range|Catalog|Parser|Not implemented) Error/.test(message)) {
    return new InvalidQuery(message.split("\n")[0] ?? message);
  }
  return new Error(message.split("\n")[0]);
}
