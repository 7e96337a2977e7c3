import { open, readFile, stat } from "node:fs/promises";
import type { Form } from "./conditional.ts";
import { contentPath } from "./content-path.ts";
import { ENCODINGS, type Variants } from "./encodings.ts";
import { linksOfHtml } from "./html-links.ts";
import { MAX_HINT_HTML_BYTES } from "./limits.ts";

/** Contents above this many bytes are streamed from disk and not kept. */
export const MAX_KEPT_BYTES = 1024 * 1024;
/** Node writes strings of up to 16 KB from the stack; the head needs room too. */
const MAX_TEXT_BYTES = 12 * 1024;
/** What an entry without bytes counts for, measured: object, key, paths. */
const ENTRY_BYTES = 512;
/** Encoded forms appear some time after the content, or never: when we look again, each time twice as late. */
const LOOK_AGAIN_MS = 3000;
const LOOK_AGAIN_MAX_MS = 300_000;

/** Bytes in memory: up to {@link MAX_TEXT_BYTES} as Latin-1 text, which joins its head in one write without a buffer made for it. */
export type Kept = string | Buffer;

/** What the answers to a content depend on, and its bytes as far as they are in memory. */
export interface Content {
  readonly account: Map<string, Content>;
  readonly hash: string;
  /** Sizes of the encoded forms that are on disk. */
  variants: Variants;
  /** `linksOfHtml`; undefined until somebody asked. */
  links: readonly string[] | undefined;
  readonly bytes: Map<Form, Kept>;
  /** Loads under way, shared by those that wait. */
  readonly loading: Map<Form, Promise<Kept>>;
  /** When to look for missing encoded forms again. */
  lookAtMs: number;
  lookEveryMs: number;
  /** Asked for since the last search for something to forget. */
  recent: boolean;
  weight: number;
  kept: boolean;
}

/** Pure code asked for what is on disk only: read it with {@link AccountContents.open}, and ask again. */
export class ContentNotRead extends Error {
  override name = "ContentNotRead";
  readonly hash: string;
  readonly html: boolean;

  constructor(hash: string, html: boolean) {
    super(hash);
    this.hash = hash;
    this.html = html;
  }
}

export interface ContentsOptions {
  /** `paths.assets`. */
  root: string;
  /** Bytes to keep at most. */
  maxBytes: number;
  /** Monotonic time; need not be exact. */
  now: () => number;
}

/**
 * Contents of static assets in memory, bounded by bytes; the rest is read when asked for. What was not asked for lately goes
 * first (the clock algorithm: a hit costs one store).
 */
export class Contents {
  readonly options: ContentsOptions;
  readonly #accounts = new Map<string, AccountContents>();
  readonly #ring = new Set<Content>();
  #bytes = 0;

  constructor(options: ContentsOptions) {
    this.options = options;
  }

  /** Bytes kept, by our count. */
  get keptBytes(): number {
    return this.#bytes;
  }

  account(accountId: string): AccountContents {
    let account = this.#accounts.get(accountId);
    if (!account) {
      account = new AccountContents(this, accountId);
      this.#accounts.set(accountId, account);
    }
    return account;
  }

  /** An entry is new, or has more bytes than before. */
  grown(content: Content, bytes: number): void {
    content.weight += bytes;
    this.#bytes += bytes;
    if (!content.kept) {
      content.kept = true;
      this.#ring.add(content);
    }
    while (this.#bytes > this.options.maxBytes) if (!this.#forgetOne()) return;
  }

  #forgetOne(): boolean {
    const oldest: Content | undefined = this.#ring.values().next().value;
    if (!oldest) return false;
    this.#ring.delete(oldest);
    if (oldest.recent) {
      oldest.recent = false;
      this.#ring.add(oldest);
      return true;
    }
    this.#bytes -= oldest.weight;
    oldest.weight = 0;
    oldest.kept = false;
    oldest.bytes.clear();
    if (oldest.account.get(oldest.hash) === oldest) oldest.account.delete(oldest.hash);
    return true;
  }
}

/** The contents of one account. */
export class AccountContents {
  readonly #contents: Contents;
  readonly #accountId: string;
  readonly #known = new Map<string, Content>();
  readonly #opening = new Map<string, Promise<Content>>();

  constructor(contents: Contents, accountId: string) {
    this.#contents = contents;
    this.#accountId = accountId;
  }

  /** Encoded forms of a content; for `Site.variants`. Throws {@link ContentNotRead}. */
  readonly variants = (hash: string): Variants => {
    const content = this.#known.get(hash);
    if (!content) throw new ContentNotRead(hash, false);
    if (content.lookAtMs < this.#contents.options.now()) this.#lookAgain(content);
    return content.variants;
  };

  /** Links of an HTML content; for `Site.links`. Throws {@link ContentNotRead}. */
  readonly links = (hash: string): readonly string[] => {
    const links = this.#known.get(hash)?.links;
    if (!links) throw new ContentNotRead(hash, true);
    return links;
  };

  /** The bytes of a form, when they are in memory. */
  bytes(hash: string, form: Form): Kept | undefined {
    const content = this.#known.get(hash);
    if (!content) return undefined;
    content.recent = true;
    return content.bytes.get(form);
  }

  /** Reads what {@link ContentNotRead} asks for. Rejects when the content is lost. */
  open(hash: string, html: boolean): Promise<Content> {
    const key = html ? `${hash} html` : hash;
    let opening = this.#opening.get(key);
    if (!opening) {
      opening = this.#open(hash, html).finally(() => this.#opening.delete(key));
      this.#opening.set(key, opening);
    }
    return opening;
  }

  async #open(hash: string, html: boolean): Promise<Content> {
    const [variants, links] = await Promise.all([this.#findVariants(hash), html ? this.#readLinks(hash) : undefined]);
    const content = this.#entry(hash);
    content.variants = variants;
    if (links && !content.links) {
      content.links = links;
      this.#contents.grown(content, links.join("").length);
    }
    this.#scheduleLook(content);
    return content;
  }

  /** Reads a form of at most {@link MAX_KEPT_BYTES} and keeps it. Rejects when it is not there. */
  load(hash: string, form: Form): Promise<Kept> {
    const content = this.#entry(hash);
    const kept = content.bytes.get(form);
    if (kept) return Promise.resolve(kept);
    let loading = content.loading.get(form);
    if (!loading) {
      loading = this.#load(content, form).finally(() => content.loading.delete(form));
      content.loading.set(form, loading);
    }
    return loading;
  }

  async #load(content: Content, form: Form): Promise<Kept> {
    const read = await readFile(this.path(content.hash, form));
    const bytes = read.length <= MAX_TEXT_BYTES ? read.toString("latin1") : read;
    content.bytes.set(form, bytes);
    this.#contents.grown(content, bytes.length);
    return bytes;
  }

  path(hash: string, form: Form): string {
    return contentPath(this.#contents.options.root, this.#accountId, hash, form);
  }

  #entry(hash: string): Content {
    let content = this.#known.get(hash);
    if (content) return content;
    content = {
      account: this.#known,
      hash,
      variants: {},
      links: undefined,
      bytes: new Map(),
      loading: new Map(),
      lookAtMs: 0,
      lookEveryMs: LOOK_AGAIN_MS,
      recent: true,
      weight: 0,
      kept: false,
    };
    this.#known.set(hash, content);
    this.#contents.grown(content, ENTRY_BYTES);
    return content;
  }

  #lookAgain(content: Content): void {
    content.lookAtMs = Number.POSITIVE_INFINITY;
    this.#findVariants(content.hash).then((variants) => {
      // Kept as it is when nothing has come, so that decisions that hold it stay the same.
      if (Object.keys(variants).length > Object.keys(content.variants).length) content.variants = variants;
      this.#scheduleLook(content);
    });
  }

  #scheduleLook(content: Content): void {
    const complete = ENCODINGS.every((encoding) => content.variants[encoding] !== undefined);
    content.lookAtMs = complete ? Number.POSITIVE_INFINITY : this.#contents.options.now() + content.lookEveryMs;
    content.lookEveryMs = Math.min(2 * content.lookEveryMs, LOOK_AGAIN_MAX_MS);
  }

  async #findVariants(hash: string): Promise<Variants> {
    const variants: Variants = {};
    await Promise.all(
      ENCODINGS.map(async (encoding) => {
        const found = await stat(this.path(hash, encoding)).catch(() => undefined);
        if (found) variants[encoding] = found.size;
      }),
    );
    return variants;
  }

  async #readLinks(hash: string): Promise<string[]> {
    const file = await open(this.path(hash, "identity"));
    try {
      const { buffer, bytesRead } = await file.read({
        buffer: Buffer.allocUnsafeSlow(MAX_HINT_HTML_BYTES),
        position: 0,
      });
      return linksOfHtml(buffer.subarray(0, bytesRead));
    } finally {
      await file.close();
    }
  }
}
