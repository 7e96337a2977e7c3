/**
 * Every refusal of the D1 API: code, HTTP status, message with the remedy. The client and the original's documentation
 * know 7404, 7406 and 7502 (`wrangler-api.md` 10); 7400 and 7500 are what the original answers to a malformed request
 * and to SQL that fails.
 */
import { ApiError } from "../../lib/api.ts";
import { DatabaseError, type DatabaseFailureCode } from "../../store/platform.ts";
import { MAX_DATABASES, MAX_IMPORT_BYTES, MAX_NAME_CHARS, MAX_STATEMENTS } from "./api-limits.ts";

const refuse = (status: number, code: number, message: string) => new ApiError(status, { code, message });
const shown = (text: string) => JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);

export const malformed = (why: string) => refuse(400, 7400, `The request is malformed: ${why}`);

export const databaseNotFound = (idOrName: string) =>
  refuse(404, 7404, `The database ${shown(idOrName)} could not be found. \`wrangler d1 list\` shows those there are.`);

export const databaseExists = (name: string) =>
  refuse(
    400,
    7502,
    `A database with the name ${shown(name)} already exists. Choose another name, or delete that one first.`,
  );

export const tooManyDatabases = () =>
  refuse(
    400,
    7406,
    `This account has ${MAX_DATABASES} D1 databases, which is the limit. Delete one (\`wrangler d1 delete\`) before you make another.`,
  );

export const invalidName = (name: string) =>
  malformed(
    `${shown(name)} cannot be the name of a database. Use letters, digits, "-" and "_", start with a letter or a digit, ` +
      `use at most ${MAX_NAME_CHARS} characters, and do not use the form of a UUID: databases are found by id and by name.`,
  );

export const tooManyStatements = (count: number) =>
  malformed(`it has ${count} statements; at most ${MAX_STATEMENTS} are allowed. Split it into several requests.`);

export const importTooLarge = () =>
  refuse(
    413,
    7400,
    `The file is larger than ${MAX_IMPORT_BYTES / 1_000_000} MB. Split it into several files and import one after the other.`,
  );

export const wrongContent = (expected: string, received: string) =>
  malformed(
    `the file that was received has the MD5 ${received}, and ${expected} was announced. Did it change meanwhile? Import it again.`,
  );

export const uploadBroken = () => malformed("the upload ended early. Import the file again.");

export const uploadMissing = (file: string) =>
  malformed(`there is no complete upload ${shown(file)}. Upload the file first, to the address that "init" gave.`);

export const badAddress = (why: string) => refuse(403, 7403, `This address is not valid: ${why}. Ask for a new one.`);

export const exportGone = () =>
  refuse(404, 7404, "This export is not there any more. Make a new one (`wrangler d1 export`).");

/** The original's words; the client prints them. */
export const busy = (what: "import" | "export") =>
  refuse(409, 7500, `Currently processing a long-running ${what}. Try again when it has finished.`);

export const tooManyJobs = () =>
  refuse(429, 7429, "Too many imports and exports run at once. Repeat this one in a minute.");

export const beforeCreation = (createdMs: number) =>
  malformed(
    `the timestamp lies before the creation of the database (${new Date(createdMs).toISOString()}), when there was nothing to restore.`,
  );

export const jobUnknown = (what: "import" | "export") =>
  malformed(
    what === "import"
      ? "no import runs here; the platform may have restarted. The file took effect as a whole or not at all: look, then import it again if need be."
      : "no export runs here; the platform may have restarted. Start it again.",
  );

export const diskFull = () =>
  refuse(
    507,
    7500,
    "The disk of this platform is full, or nearly so. Make room on the disk of its data directory, then repeat the call.",
  );

/** What a failure of a database is to a caller of the API. */
const answers: Record<DatabaseFailureCode, { status: number; code: number }> = {
  sql: { status: 400, code: 7500 },
  refused: { status: 400, code: 7500 },
  timeout: { status: 408, code: 7500 },
  "too-large": { status: 413, code: 7500 },
  "not-found": { status: 404, code: 7404 },
  "bad-bookmark": { status: 400, code: 7400 },
  unavailable: { status: 503, code: 7500 },
};

/** The refusal for what a database answered; anything else is an error of the platform's own. */
export function refusalOf(error: unknown): unknown {
  if (!(error instanceof DatabaseError)) return error;
  const { status, code } = answers[error.code];
  return refuse(status, code, error.message);
}
