// @ts-check
/** A text as SQL. @param {string} value */
export function quoted(value) {
  return `'${value.replaceAll("'", "''")}'`;
}
