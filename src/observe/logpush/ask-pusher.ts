import type { Platform } from "../../store/platform.ts";
import { pusherUnreachable } from "./errors.ts";
import type { JobStatus } from "./job.ts";
import type { WriteRequest } from "./service-api.ts";

/** How it goes with the account's jobs, by id. */
export async function jobStatuses(platform: Platform, accountId: string): Promise<Record<number, JobStatus>> {
  const { answer } = await ask(platform, accountId, "status", {});
  return answer as Record<number, JobStatus>;
}

/** Puts a file to a destination; why that did not work, or undefined. */
export async function writeFileTo(
  platform: Platform,
  accountId: string,
  file: WriteRequest,
): Promise<string | undefined> {
  const { status, answer } = await ask(platform, accountId, "write", file);
  return status === 200 ? undefined : String(answer.message);
}

async function ask(platform: Platform, accountId: string, operation: "status" | "write", body: object) {
  try {
    const reply = await platform.services(`/logpush/${accountId}/${operation}`, {
      method: "POST",
      body: JSON.stringify(body),
    });
    const answer: Record<string, unknown> = JSON.parse(Buffer.concat(await reply.body.toArray()).toString());
    return { status: reply.status, answer };
  } catch (error) {
    throw pusherUnreachable((error as Error).message);
  }
}
