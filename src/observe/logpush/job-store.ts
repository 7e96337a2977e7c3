import { type Kysely, sql } from "kysely";
import type { Platform } from "../../store/platform.ts";
import type { Database, LogpushJobRow } from "../../store/schema.ts";
import type { SealedRows } from "../../store/sealed-row-file.ts";
import { noSuchJob, tooManyJobs } from "./errors.ts";
import type { PublishedJob } from "./job.ts";
import { logpushLimits } from "./limits.ts";
import type { OutputOptions } from "./output.ts";

/** What a job's owner chose, as it was given; `settings_json` of a row. */
export interface JobChoices {
  name?: string | null | undefined;
  filter?: string | null | undefined;
  frequency?: "high" | "low" | null | undefined;
  logpull_options?: string | null | undefined;
  output_options?: OutputOptions | null | undefined;
  max_upload_bytes?: number | null | undefined;
  max_upload_records?: number | null | undefined;
  max_upload_interval_seconds?: number | null | undefined;
}

/** Seconds between batches of the deprecated `frequency`. */
const FREQUENCIES = { high: 30, low: 300 } as const;

export function jobsOf({ db }: Pick<Platform, "db">, accountId: string): Promise<LogpushJobRow[]> {
  return db.selectFrom("logpush_jobs").selectAll().where("account_id", "=", accountId).orderBy("id").execute();
}

/** Error 1003 when there is none. */
export async function requireJob({ db }: Pick<Platform, "db">, accountId: string, id: string): Promise<LogpushJobRow> {
  const row = /^[0-9]{1,15}$/.test(id)
    ? await db
        .selectFrom("logpush_jobs")
        .selectAll()
        .where("account_id", "=", accountId)
        .where("id", "=", Number(id))
        .executeTakeFirst()
    : undefined;
  if (!row) throw noSuchJob(id);
  return row;
}

export function choicesOf({ settings_json }: LogpushJobRow): JobChoices {
  return JSON.parse(settings_json);
}

/** Adds a job, which is in force when this resolves. */
export async function createJob(
  platform: Platform,
  accountId: string,
  job: { enabled: boolean; destination: string; choices: JobChoices },
): Promise<LogpushJobRow> {
  const row = await platform.db.transaction().execute(async (tx) => {
    const { count } = await tx
      .selectFrom("logpush_jobs")
      .select((select) => select.fn.countAll<number>().as("count"))
      .where("account_id", "=", accountId)
      .executeTakeFirstOrThrow();
    if (Number(count) >= logpushLimits.jobs) throw tooManyJobs();
    const made = {
      id: await nextId(tx),
      account_id: accountId,
      ...columns(platform, job),
      created_on: new Date().toISOString(),
    };
    await tx.insertInto("logpush_jobs").values(made).execute();
    return made;
  });
  await platform.runtime.publish();
  return row;
}

/** Changes a job, whole; in force when this resolves. */
export async function updateJob(
  platform: Platform,
  row: LogpushJobRow,
  job: { enabled: boolean; destination: string; choices: JobChoices },
): Promise<LogpushJobRow> {
  const changed = { ...row, ...columns(platform, job) };
  await platform.db.updateTable("logpush_jobs").set(changed).where("id", "=", row.id).execute();
  await platform.runtime.publish();
  return changed;
}

/** Ends a job; what waits for it is not pushed any more. */
export async function deleteJob(platform: Platform, { id }: LogpushJobRow): Promise<void> {
  await platform.db.deleteFrom("logpush_jobs").where("id", "=", id).execute();
  await platform.runtime.publish();
}

/** Accounts with a job that is enabled: their scripts' invocations are pushed if they have `logpush`. */
export async function accountsWithJobs(db: Kysely<Database>): Promise<Set<string>> {
  const rows = await db.selectFrom("logpush_jobs").select("account_id").distinct().where("enabled", "=", 1).execute();
  return new Set(rows.map(({ account_id }) => account_id));
}

/** What services know of the jobs: logs are pushed with the control process dead, too. */
export const publishedJobs: SealedRows<LogpushJobRow> = {
  rows: (db) => db.selectFrom("logpush_jobs").selectAll().orderBy("id").execute(),
  sealedOf: ({ destination_sealed }) => destination_sealed,
  published,
  nameOf: ({ id, account_id }) => `Logpush job ${id} of ${account_id}`,
};

function columns(
  platform: Pick<Platform, "seal">,
  { enabled, destination, choices }: { enabled: boolean; destination: string; choices: JobChoices },
) {
  return {
    enabled: enabled ? 1 : 0,
    destination_sealed: platform.seal(destination).sealed,
    settings_json: JSON.stringify(choices),
  };
}

function published(row: LogpushJobRow): PublishedJob {
  const choices = choicesOf(row);
  const { frequency, max_upload_interval_seconds: seconds } = choices;
  return {
    id: Number(row.id),
    accountId: row.account_id,
    enabled: row.enabled === 1,
    sealed: row.destination_sealed,
    filter: choices.filter ?? "",
    output: choices.output_options ?? {},
    maxBytes: choices.max_upload_bytes ?? null,
    maxRecords: choices.max_upload_records ?? null,
    maxIntervalSeconds: seconds || (frequency ? FREQUENCIES[frequency] : null),
  };
}

async function nextId(tx: Kysely<Database>): Promise<number> {
  const { value } = await tx
    .insertInto("settings")
    .values({ key: "logpush_job_id", value: "1" })
    .onConflict((conflict) =>
      conflict.column("key").doUpdateSet({ value: sql<string>`cast(cast(settings.value as integer) + 1 as text)` }),
    )
    .returning("value")
    .executeTakeFirstOrThrow();
  return Number(value);
}
