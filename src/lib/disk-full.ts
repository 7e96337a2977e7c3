/** Of SQLite. */
const SQLITE_FULL = 13;

/** Whether an error of the system, of SQLite, or told by another process means that nothing more fits on the disk. */
export function isDiskFull(error: unknown): boolean {
  const { code, errcode, message } = (error ?? {}) as { code?: unknown; errcode?: unknown; message?: unknown };
  if (code === "ENOSPC" || code === "EDQUOT") return true;
  if (typeof errcode === "number" && (errcode & 0xff) === SQLITE_FULL) return true;
  return typeof message === "string" && /^(ENOSPC|EDQUOT): /.test(message);
}
