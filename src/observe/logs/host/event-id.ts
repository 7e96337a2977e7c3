/** Crockford's alphabet, whose order is that of its codes. */
const DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const TIME_DIGITS = 10;
const SUFFIX_DIGITS = 16;
const COUNTER_DIGITS = 9;

/** Of this process, so that two make no id twice. */
const own = Array.from({ length: SUFFIX_DIGITS - COUNTER_DIGITS }, () => DIGITS[Math.floor(Math.random() * 32)]).join(
  "",
);
let counter = 0;

/**
 * A new id of an event, in the form of a ULID: ids sort as the events' times do, and those of one time as they were made. So an
 * id alone says where the next page begins.
 */
export function eventId(timestampMs: number): string {
  counter = (counter + 1) % 32 ** COUNTER_DIGITS;
  return `${digits(Math.max(0, Math.floor(timestampMs)), TIME_DIGITS)}${digits(counter, COUNTER_DIGITS)}${own}`;
}

/** The time in an id, in milliseconds. */
export function timeOfId(id: string): number {
  let time = 0;
  for (const digit of id.slice(0, TIME_DIGITS)) time = time * 32 + DIGITS.indexOf(digit);
  return time;
}

function digits(value: number, count: number): string {
  let text = "";
  let rest = value;
  for (let n = 0; n < count; n++) {
    text = DIGITS[rest % 32] + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}
