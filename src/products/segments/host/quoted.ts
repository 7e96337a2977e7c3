/** A text as SQL. */
export function quoted(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}
