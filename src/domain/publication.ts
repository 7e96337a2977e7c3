/** What is wrong with what control publishes: a file of the data directory, for `freehold doctor`. */
export interface PublicationState {
  /** The last publication failed; absent: it did not. */
  failed?: {
    why: string;
    /** ISO time of the first that failed. */
    since: string;
  };
  /** What is left out since its row in the database is broken. */
  skipped: SkippedRow[];
}

export interface SkippedRow {
  /** Whose and which, such as `script shop of <account id>`. */
  what: string;
  why: string;
}

/** Told of each row that is left out, so that one broken row does not keep all others from being published. */
export type Skip = (what: string, error: unknown) => void;

/** Where one broken row must fail the whole. */
export const skipNone: Skip = (what, error) => {
  throw new Error(`${what} is broken`, { cause: error });
};

/** What `make` gives of each row, without those that it throws for. */
export function soundRows<Row, Made>(
  rows: readonly Row[],
  make: (row: Row) => Made,
  nameOf: (row: Row) => string,
  skip: Skip,
): Made[] {
  return rows.flatMap((row) => {
    try {
      return [make(row)];
    } catch (error) {
      skip(nameOf(row), error);
      return [];
    }
  });
}
