/** The promise's value, or `late` when it takes too long or fails. */
export function within<T, U>(promise: Promise<T>, timeoutMs: number, late: U): Promise<T | U> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(late), timeoutMs);
    const settle = (value: T | U) => {
      clearTimeout(timer);
      resolve(value);
    };
    promise.then(settle, () => settle(late));
  });
}
