/** Contents that are being read: they stay until the last reader is done, although nothing names them any more. */
export class Leases {
  readonly #readers = new Map<string, number>();

  /** Call what this returns once when done. */
  hold(files: string[]): () => void {
    for (const file of files) this.#readers.set(file, (this.#readers.get(file) ?? 0) + 1);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      for (const file of files) {
        const left = (this.#readers.get(file) ?? 1) - 1;
        if (left === 0) this.#readers.delete(file);
        else this.#readers.set(file, left);
      }
    };
  }

  has(file: string): boolean {
    return this.#readers.has(file);
  }
}
