import type { ImagesCode } from "./errors.ts";

/** The call cannot be answered as it is; the message says what to change. */
export class Failure extends Error {
  override name = "Failure";
  readonly code: ImagesCode;

  constructor(code: ImagesCode, message: string) {
    super(message);
    this.code = code;
  }
}
