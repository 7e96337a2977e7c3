// @ts-check
/** A query that is refused; the message says what is wrong and what to write instead. The original's answer is HTTP 422. */
export class InvalidQuery extends Error {
  name = "InvalidQuery";

  /** @param {string} message */
  constructor(message) {
    super(`Input was invalid: ${message}`);
  }
}
