// @ts-check
/**
 * `cloudflare-internal:email`, which workerd's `cloudflare:email` imports and the binary lacks.
 * A message is a plain object, because only those (and not instances of classes) cross RPC.
 *
 * @param {string} from
 * @param {string} to
 * @param {string | ReadableStream} raw
 */
export function EmailMessage(from, to, raw) {
  return { from, to, "EmailMessage::raw": raw };
}

export default { EmailMessage };
