// @ts-check
import { Refusal } from "../../../segments/host/refusal.ts";

/** A query that is refused; the message says what is wrong and what to write instead. The original's answer is HTTP 422. */
export class InvalidQuery extends Refusal {
  name = "InvalidQuery";

  /** @param {string} message */
  constructor(message) {
    super(`Input was invalid: ${message}`);
  }
}
