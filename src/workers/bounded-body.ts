import { bodyTooLarge, tooManyUploads, unreadableBody } from "./errors.ts";
import { MAX_UPLOAD_BYTES, MAX_UPLOADS_BYTES } from "./limits.ts";

/** Bytes of all bodies that are held in memory now. */
let heldBytes = 0;

/**
 * A request's body under the limits, whether or not its length was announced. Counts as held until disposed:
 * keep it (`using`) for as long as what was read from it is in use.
 * Errors: 10027 (413) beyond one body's limit, 10429 beyond that of all together, 10026 when it cannot be read.
 */
export class BoundedBody {
  #response: Response;
  #receivedBytes = 0;
  #refusal: Error | undefined;

  constructor(request: Request) {
    const headers = { "content-type": request.headers.get("content-type") ?? "" };
    if (Number(request.headers.get("content-length") ?? 0) > MAX_UPLOAD_BYTES) throw bodyTooLarge();
    const counter = new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => {
        this.#receivedBytes += chunk.byteLength;
        heldBytes += chunk.byteLength;
        this.#refusal = this.#excess();
        if (this.#refusal) {
          // Let go at once, so that one upload too many does not make the others fail too.
          this[Symbol.dispose]();
          throw this.#refusal;
        }
        controller.enqueue(chunk);
      },
    });
    this.#response = new Response(request.body?.pipeThrough(counter) ?? null, { headers });
  }

  formData(): Promise<FormData> {
    return this.#read(() => this.#response.formData(), "it is not a well-formed multipart form.");
  }

  bytes(): Promise<Uint8Array> {
    return this.#read(async () => new Uint8Array(await this.#response.arrayBuffer()), "it ended early.");
  }

  text(): Promise<string> {
    return this.#read(() => this.#response.text(), "it ended early.");
  }

  [Symbol.dispose](): void {
    heldBytes -= this.#receivedBytes;
    this.#receivedBytes = 0;
  }

  #excess(): Error | undefined {
    if (this.#receivedBytes > MAX_UPLOAD_BYTES) return bodyTooLarge();
    return heldBytes > MAX_UPLOADS_BYTES ? tooManyUploads() : undefined;
  }

  async #read<Result>(read: () => Promise<Result>, problem: string): Promise<Result> {
    try {
      return await read();
    } catch {
      // Parsers hide why the stream broke off.
      throw this.#refusal ?? unreadableBody(problem);
    }
  }
}
