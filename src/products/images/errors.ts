/** Codes of the Images binding, as the original has them; `error.code` of what the Worker's call throws. */
export const imagesCodes = {
  /** The bytes are no picture of a kind that is read, or the wanted format is none that is written. */
  unsupportedFormat: 9520,
  /** A picture, or what would come of it, is too large. */
  tooLarge: 9402,
  /** Anything else that the call asks for and does not get. */
  failed: 9523,
} as const;

export type ImagesCode = (typeof imagesCodes)[keyof typeof imagesCodes];
