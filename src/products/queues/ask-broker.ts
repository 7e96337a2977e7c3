import type { Platform } from "../../store/platform.ts";
import type { QueueRow } from "../../store/schema.ts";
import { brokerRefused, brokerUnreachable } from "./errors.ts";

/** Asks the services role, which has the messages. Throws what it refuses. */
export async function askBroker(
  platform: Platform,
  { account_id, id }: QueueRow,
  operation: "message" | "batch" | "pull" | "ack" | "purge" | "status",
  body: string | Uint8Array = "{}",
): Promise<Record<string, unknown>> {
  let status: number;
  let text: string;
  try {
    const reply = await platform.services(`/queues/${account_id}/${id}/${operation}`, { method: "POST", body });
    status = reply.status;
    text = Buffer.concat(await reply.body.toArray()).toString();
  } catch (error) {
    throw brokerUnreachable(error instanceof Error ? error.message : String(error));
  }
  const answer = parse(text);
  if (status === 200) return answer;
  const { code, message } = answer;
  if (typeof code !== "number") throw brokerRefused(status, status === 413 ? 10205 : 15000, text || `status ${status}`);
  throw brokerRefused(status, code, String(message));
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
