/** The text is not base64. */
export class Base64Error extends Error {
  override name = "Base64Error";
}

/** Decodes base64 that comes in pieces; refuses everything that is not base64, line breaks too. */
export class Base64Decoder {
  /** Up to three characters that wait for the rest of their group. */
  #rest = "";
  #ended = false;

  /** The bytes that are whole with this piece. Throws {@link Base64Error}. */
  push(piece: Buffer): Buffer {
    const text = this.#rest + piece.toString("latin1");
    const usable = text.length - (text.length % 4);
    this.#rest = text.slice(usable);
    if (usable === 0) return Buffer.alloc(0);
    if (this.#ended) throw new Base64Error("there is text behind its padding");
    const groups = text.slice(0, usable);
    const padding = groups.endsWith("==") ? 2 : groups.endsWith("=") ? 1 : 0;
    this.#ended = padding > 0;
    const bytes = Buffer.from(groups, "base64");
    // Decoding skips what is not base64, so a foreign character shows in the size.
    if (bytes.length !== (usable / 4) * 3 - padding) throw new Base64Error("it is not base64");
    return bytes;
  }

  /** Call at the end: throws {@link Base64Error} when a group is not whole. */
  end(): void {
    if (this.#rest !== "") throw new Base64Error("it is cut off");
  }
}
