import { request } from "node:https";
import type { S3ClientConfig } from "@aws-sdk/client-s3";
import type { GuardedAgent } from "../../workerd/guarded-agent.ts";
import { MAX_ANSWER_BYTES, UPLOAD_MS } from "./limits.ts";

export interface Sent {
  method: string;
  headers: Record<string, string>;
  body: Uint8Array | undefined;
}

/** Sends a request to a server of a tenant's choice. Its answer is read in part, in time, and followed nowhere. */
export function send(
  agent: GuardedAgent,
  url: string,
  { method, headers, body }: Sent,
): Promise<{ status: number; headers: Record<string, string>; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, agent, headers, signal: AbortSignal.timeout(UPLOAD_MS) }, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      const done = () => {
        response.destroy();
        const fields = Object.entries(response.headers).map(([name, value]) => [name, String(value)]);
        const text = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode ?? 0, headers: Object.fromEntries(fields), text });
      };
      response.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes >= MAX_ANSWER_BYTES) done();
      });
      response.on("end", done);
      response.on("error", reject);
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

export function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

/** What the S3 client hands over. */
interface ClientRequest extends Sent {
  protocol: string;
  hostname: string;
  port?: number;
  path: string;
  query: Record<string, string>;
}

/** What the S3 client sends its requests by. It sees no bodies of answers: what a refusal is called is said here. */
export function guardedHandler(agent: GuardedAgent): NonNullable<S3ClientConfig["requestHandler"]> {
  return {
    async handle({ protocol, hostname, port, path, query, method, headers, body }: ClientRequest) {
      const search = new URLSearchParams(query).toString();
      const url = `${protocol}//${hostname}${port === undefined ? "" : `:${port}`}${path}${search && `?${search}`}`;
      const answer = await send(agent, url, { method, headers, body });
      if (!isSuccess(answer.status)) {
        const [, code] = /<Code>([A-Za-z0-9.]{1,80})<\/Code>/.exec(answer.text) ?? [];
        throw new Error(`the server answered ${answer.status}${code === undefined ? "" : ` ${code}`}`);
      }
      return { response: { statusCode: answer.status, headers: answer.headers, body: new Uint8Array() } };
    },
  };
}
