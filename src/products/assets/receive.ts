import { ApiError } from "../../lib/api.ts";
import { Base64Decoder, Base64Error } from "../../lib/base64-decoder.ts";
import { isDiskFull } from "../../lib/disk-full.ts";
import { MultipartError, multipartBoundary, readMultipart } from "../../lib/multipart.ts";
import type { ContentDraft } from "./content-draft.ts";
import { errors } from "./errors.ts";
import type { Received } from "./store.ts";
import type { AssetUploads, OpenUpload } from "./uploads.ts";
import { wranglerHashCheck } from "./wrangler-hash.ts";

/** Small contents that are being made durable while the next ones come in. Bounds memory at 4 MiB a request. */
const PARALLEL_DRAFTS = 16;
/** Means "serve without `Content-Type`" (wrangler-api.md 2.4). */
const NO_TYPE = "application/null";

/** How the body is written. */
export interface BodyForm {
  base64: boolean;
  /** Hashes are wrangler's and are checked. Those of other clients cannot be: their function is up to them. */
  checked: boolean;
}

/** Receives contents of one request. Either all of them are kept or none. */
class Receiver {
  readonly #uploads: AssetUploads;
  readonly #upload: OpenUpload;
  readonly #form: BodyForm;
  readonly #received: Received[] = [];
  readonly #seen = new Set<string>();
  readonly #finishing = new Set<Promise<void>>();
  #failure: unknown;

  constructor(uploads: AssetUploads, upload: OpenUpload, form: BodyForm) {
    this.#uploads = uploads;
    this.#upload = upload;
    this.#form = form;
  }

  /** Reads one content. One that is there already is not read. */
  async add(hash: string, contentType: string | undefined, body: AsyncIterable<Buffer>): Promise<void> {
    const file = this.#upload.files.get(hash);
    if (!file) throw errors.unknownHash(hash.slice(0, 80));
    if (this.#seen.has(hash)) throw errors.badContent(hash, "it comes twice in one request");
    this.#seen.add(hash);
    if (!this.#upload.missing.has(hash)) return;
    const type = checkedType(hash, contentType);
    const draft = this.#uploads.store.draft(hash, file.size);
    this.#received.push({ draft, contentType: type });
    await this.#fill(draft, file.path, body);
    await this.#finish(draft);
  }

  async #fill(draft: ContentDraft, path: string, body: AsyncIterable<Buffer>): Promise<void> {
    const check = this.#form.checked ? await wranglerHashCheck(draft.hash, path) : undefined;
    const decoder = this.#form.base64 ? new Base64Decoder() : undefined;
    try {
      for await (const piece of body) {
        const content = decoder ? decoder.push(piece) : piece;
        check?.update(content);
        await draft.write(content);
      }
      decoder?.end();
      draft.end();
    } catch (error) {
      if (error instanceof Base64Error) throw errors.badContent(draft.hash, error.message);
      throw error;
    }
    if (check && !check.isRight())
      throw errors.badContent(draft.hash, "its content is not the one that was announced; did the file change?");
  }

  async #finish(draft: ContentDraft): Promise<void> {
    const finishing = draft
      .finish()
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => this.#finishing.delete(finishing));
    this.#finishing.add(finishing);
    if (this.#finishing.size >= PARALLEL_DRAFTS) await Promise.race(this.#finishing);
    if (this.#failure) throw this.#failure;
  }

  async keep(): Promise<void> {
    await Promise.all(this.#finishing);
    if (this.#failure) throw this.#failure;
    await this.#uploads.store.keep(this.#upload.claims.accountId, this.#received);
    for (const { draft } of this.#received) this.#upload.missing.delete(draft.hash);
  }

  /** Removes what has no name yet. */
  async discard(): Promise<void> {
    await Promise.all(this.#finishing);
    for (const { draft } of this.#received) await draft.discard();
  }
}

function checkedType(hash: string, contentType: string | undefined): string | undefined {
  if (contentType === undefined || contentType === "" || contentType === NO_TYPE) return undefined;
  if (!/^[\x20-\x7e]{1,255}$/.test(contentType))
    throw errors.badContent(hash, "its content type is not one of at most 255 printable characters");
  return contentType;
}

/** Receives the parts of a bulk upload: each named by its hash. Errors: 10026, 10306, 10307. */
export async function receiveBulk(
  uploads: AssetUploads,
  upload: OpenUpload,
  request: Request,
  form: BodyForm,
): Promise<void> {
  const boundary = multipartBoundary(request.headers.get("content-type"));
  if (boundary === undefined) throw unreadable("must be multipart/form-data with a boundary");
  await receive(new Receiver(uploads, upload, form), async (receiver) => {
    for await (const { name, contentType, body } of readMultipart(chunksOf(request), boundary)) {
      await receiver.add(name, contentType, body);
    }
  });
}

/** Receives one content as the body itself. Errors as with {@link receiveBulk}. */
export async function receiveSingle(
  uploads: AssetUploads,
  upload: OpenUpload,
  hash: string,
  request: Request,
  form: BodyForm,
): Promise<void> {
  await receive(new Receiver(uploads, upload, form), (receiver) =>
    receiver.add(hash, request.headers.get("content-type") ?? undefined, chunksOf(request)),
  );
}

async function receive(receiver: Receiver, read: (receiver: Receiver) => Promise<void>): Promise<void> {
  try {
    await read(receiver);
    await receiver.keep();
  } catch (error) {
    await receiver.discard();
    if (error instanceof MultipartError) throw unreadable(error.message);
    if (isDiskFull(error)) throw diskFull();
    throw error;
  }
}

async function* chunksOf(request: Request): AsyncGenerator<Buffer, void> {
  if (!request.body) return;
  const reader = request.body.getReader();
  for (;;) {
    const next = await reader.read().catch(() => {
      throw new MultipartError("broke off");
    });
    if (next.done) return;
    const { buffer, byteOffset, byteLength } = next.value;
    yield Buffer.from(buffer, byteOffset, byteLength);
  }
}

function unreadable(why: string): ApiError {
  return new ApiError(400, { code: 10026, message: `The request body ${why}.` });
}

function diskFull(): ApiError {
  return new ApiError(507, {
    code: 10013,
    message: "The disk of this platform is full. Make room in its data directory, then deploy again.",
  });
}
