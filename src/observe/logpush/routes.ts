import { randomBytes } from "node:crypto";
import type { z } from "zod";
import { ApiError, type ApiRequest, route } from "../../lib/api.ts";
import { signClaims, verifyClaims } from "../../lib/signed-token.ts";
import type { ApiRoute, Platform } from "../../store/platform.ts";
import type { LogpushJobRow } from "../../store/schema.ts";
import { jobStatuses, writeFileTo } from "./ask-pusher.ts";
import { objectKey, placeOf, readDestination, shownDestination, withSecrets } from "./destination.ts";
import { badJob, noSuchDataset } from "./errors.ts";
import { DATASET, fields } from "./fields.ts";
import { type JobStatus, noStatus } from "./job.ts";
import {
  challengeBody,
  choicesFrom,
  destinationBody,
  type JobChangeBody,
  jobChangeBody,
  type NewJobBody,
  newJobBody,
  originBody,
  readLogpullOptions,
} from "./job-body.ts";
import { choicesOf, createJob, deleteJob, jobsOf, requireJob, updateJob } from "./job-store.ts";
import { CHALLENGE_SECONDS } from "./limits.ts";

const base = "/accounts/:account/logpush";
const jobs = `${base}/jobs`;
const job = `${jobs}/:job`;

type Request<Body = undefined> = ApiRequest<Platform, Body>;

/** The key under which challenges are signed. */
const CHALLENGES = "logpush-ownership";

/** Jobs that push `workers_trace_events`, as the SDK manages them. Who may see or change one knows where logs go: admins. */
export const logpushRoutes: ApiRoute[] = [
  route<Platform>({
    method: "GET",
    path: jobs,
    scope: "read",
    summary: "List Logpush jobs, with how they go; keys in destinations read REDACTED",
    handle: listJobs,
  }),
  route<Platform, NewJobBody>({
    method: "POST",
    path: jobs,
    scope: "admin",
    summary: "Create a Logpush job; a test file must reach its destination",
    body: newJobBody,
    handle: async ({ platform, actor, accountId, body }) => {
      const choices = choicesFrom(body);
      await checkDestination(platform, accountId, body.destination_conf, body.ownership_challenge);
      const enabled = body.enabled ?? false;
      const row = await createJob(platform, accountId, { enabled, destination: body.destination_conf, choices });
      await platform.audit({ accountId, actor, action: "logpush-job.create", target: String(row.id) });
      return present(platform, row);
    },
  }),
  route<Platform>({
    method: "GET",
    path: job,
    scope: "read",
    summary: "Read a Logpush job, with how it goes",
    handle: async ({ platform, accountId, params }) => {
      const row = await requireJob(platform, accountId, params.job ?? "");
      return present(platform, row, (await jobStatuses(platform, accountId))[row.id]);
    },
  }),
  route<Platform, JobChangeBody>({
    method: "PUT",
    path: job,
    scope: "admin",
    summary: "Change a Logpush job; what is not named stays",
    body: jobChangeBody,
    handle: async ({ platform, actor, accountId, params, body }) => {
      const row = await requireJob(platform, accountId, params.job ?? "");
      const choices = choicesFrom(body, choicesOf(row));
      const before = destinationOf(platform, row);
      const destination = body.destination_conf === undefined ? before : withSecrets(body.destination_conf, before);
      if (destination !== before) await checkDestination(platform, accountId, destination, body.ownership_challenge);
      const enabled = body.enabled ?? row.enabled === 1;
      const changed = await updateJob(platform, row, { enabled, destination, choices });
      await platform.audit({ accountId, actor, action: "logpush-job.update", target: String(row.id) });
      return present(platform, changed, (await jobStatuses(platform, accountId))[row.id]);
    },
  }),
  route<Platform>({
    method: "DELETE",
    path: job,
    scope: "admin",
    summary: "Delete a Logpush job; what waits to be pushed is dropped",
    handle: async ({ platform, actor, accountId, params }) => {
      const row = await requireJob(platform, accountId, params.job ?? "");
      await deleteJob(platform, row);
      await platform.audit({ accountId, actor, action: "logpush-job.delete", target: String(row.id) });
      return { id: Number(row.id) };
    },
  }),
  route<Platform>({
    method: "GET",
    path: `${base}/datasets/:dataset/fields`,
    scope: "read",
    summary: "List the fields of a dataset; there is workers_trace_events",
    handle: ({ params }) => {
      requireDataset(params);
      return Object.fromEntries(Object.entries(fields).map(([name, { type, text }]) => [name, `${type}; ${text}`]));
    },
  }),
  route<Platform>({
    method: "GET",
    path: `${base}/datasets/:dataset/jobs`,
    scope: "read",
    summary: "List the Logpush jobs of a dataset",
    handle: (request) => {
      requireDataset(request.params);
      return listJobs(request);
    },
  }),
  route<Platform, z.infer<typeof destinationBody>>({
    method: "POST",
    path: `${base}/ownership`,
    scope: "admin",
    summary: "Write a file with a token to a bucket; https:// needs none",
    body: destinationBody,
    handle: writeChallenge,
  }),
  route<Platform, z.infer<typeof challengeBody>>({
    method: "POST",
    path: `${base}/ownership/validate`,
    scope: "admin",
    summary: "Check the token of a challenge file",
    body: challengeBody,
    audited: false,
    handle: ({ platform, accountId, body }) => ({
      valid: isChallenge(platform, accountId, body.destination_conf, body.ownership_challenge),
    }),
  }),
  route<Platform, z.infer<typeof destinationBody>>({
    method: "POST",
    path: `${base}/validate/destination`,
    scope: "admin",
    summary: "Check a destination: it must be well formed, and take a test file",
    body: destinationBody,
    audited: false,
    handle: ({ platform, accountId, body }) =>
      verdict(() => checkDestination(platform, accountId, body.destination_conf, undefined)),
  }),
  route<Platform, z.infer<typeof destinationBody>>({
    method: "POST",
    path: `${base}/validate/destination/exists`,
    scope: "admin",
    summary: "Whether a job of the account has this destination",
    body: destinationBody,
    audited: false,
    handle: async ({ platform, accountId, body }) => {
      const rows = await jobsOf(platform, accountId);
      const known = rows.map((row) => destinationOf(platform, row));
      const asked = body.destination_conf;
      return { exists: known.some((conf) => conf === asked || conf.split("?")[0] === asked) };
    },
  }),
  route<Platform, z.infer<typeof originBody>>({
    method: "POST",
    path: `${base}/validate/origin`,
    scope: "read",
    summary: "Check `logpull_options`, the earlier form of output options",
    body: originBody,
    audited: false,
    handle: ({ body }) => verdict(() => void readLogpullOptions(body.logpull_options ?? "")),
  }),
];

async function listJobs({ platform, accountId }: Request): Promise<unknown> {
  const rows = await jobsOf(platform, accountId);
  if (rows.length === 0) return [];
  const statuses = await jobStatuses(platform, accountId);
  return rows.map((row) => present(platform, row, statuses[row.id]));
}

/** It is well formed, it is the caller's if that was to be shown, and a file reaches it. Error 1004. */
async function checkDestination(
  platform: Platform,
  accountId: string,
  conf: string,
  challenge: string | undefined,
): Promise<void> {
  readDestination(conf, accountId);
  if (challenge !== undefined && !isChallenge(platform, accountId, conf, challenge))
    throw badJob("ownership_challenge is not the token of this destination's challenge file, or is too old.");
  // The original's name and content.
  const file = { destination: conf, name: "test.txt.gz", content: '{"content":"tests"}' };
  const failure = await writeFileTo(platform, accountId, file);
  if (failure !== undefined) throw badJob(`error validating destination: ${failure}`);
}

async function writeChallenge({ platform, accountId, body }: Request<z.infer<typeof destinationBody>>) {
  const destination = readDestination(body.destination_conf, accountId);
  if (destination.kind === "https")
    return { filename: "", message: "An https:// destination needs no challenge.", valid: true };
  const nowMs = Date.now();
  const claims = { accountId, place: placeOf(destination) };
  const token = signClaims(platform.signingKey(CHALLENGES), claims, nowMs, CHALLENGE_SECONDS);
  const name = `ownership-challenge-${randomBytes(4).toString("hex")}.txt`;
  const failure = await writeFileTo(platform, accountId, { destination: body.destination_conf, name, content: token });
  if (failure !== undefined) return { filename: "", message: failure, valid: false };
  return { filename: objectKey(destination, name, nowMs), message: "", valid: true };
}

function isChallenge(platform: Platform, accountId: string, conf: string, token: string): boolean {
  const destination = readDestination(conf, accountId);
  if (destination.kind === "https") return true;
  const verified = verifyClaims(platform.signingKey(CHALLENGES), token.trim(), Date.now());
  if ("refused" in verified) return false;
  return verified.claims.accountId === accountId && verified.claims.place === placeOf(destination);
}

/** As the original answers checks: what is wrong is no failure of the call. */
async function verdict(check: () => Promise<void> | void): Promise<{ valid: boolean; message: string }> {
  try {
    await check();
    return { valid: true, message: "" };
  } catch (error) {
    if (!(error instanceof ApiError) || error.status >= 500) throw error;
    return { valid: false, message: error.message };
  }
}

function present(platform: Platform, row: LogpushJobRow, status: JobStatus = noStatus): Record<string, unknown> {
  const choices = choicesOf(row);
  const lost = status.dropped === 0 ? "" : ` (${status.dropped} records were dropped)`;
  return {
    id: Number(row.id),
    dataset: DATASET,
    kind: "",
    enabled: row.enabled === 1,
    name: choices.name ?? null,
    destination_conf: shownDestination(destinationOf(platform, row)),
    output_options: choices.output_options ?? null,
    ...(choices.logpull_options && { logpull_options: choices.logpull_options }),
    ...(choices.frequency && { frequency: choices.frequency }),
    filter: choices.filter ?? "",
    max_upload_bytes: choices.max_upload_bytes ?? null,
    max_upload_records: choices.max_upload_records ?? null,
    max_upload_interval_seconds: choices.max_upload_interval_seconds ?? null,
    last_complete: status.lastComplete,
    last_error: status.lastError,
    error_message: status.errorMessage === null ? null : status.errorMessage + lost,
  };
}

function destinationOf(platform: Platform, row: LogpushJobRow): string {
  return platform.unseal({ sealed: row.destination_sealed });
}

function requireDataset({ dataset = "" }: Record<string, string>): void {
  if (dataset !== DATASET) throw noSuchDataset(dataset);
}
