// @ts-check
/**
 * Gives the version's default entrypoint events that no protocol between processes carries: a POST with a frame
 * (`event-frame.ts`) calls its handler and is answered with what came of it, as JSON, once `waitUntil` is done too.
 * The runtime decodes `serializedBody` natively, so only the platform may reach this.
 */

/**
 * @typedef {{ queue: string, metrics: { backlogCount: number, backlogBytes: number, oldestMessageTimestamp: number },
 *   messages: { id: string, timestamp: number, attempts: number, contentType: string, size: number }[] }} Batch
 */

const text = new TextDecoder();

export default {
  /**
   * @param {Request} request
   * @param {{ USER: any, TAIL?: { fetch: typeof fetch } }} env
   */
  async fetch(request, { USER, TAIL }) {
    const frame = await request.arrayBuffer();
    const headEnd = 4 + new DataView(frame).getUint32(0);
    const { type, event } = JSON.parse(text.decode(new Uint8Array(frame, 4, headEnd - 4)));
    if (type === "queue") return Response.json(await queue(USER, event, frame, headEnd));
    if (type === "tail") return Response.json(await tail(TAIL, event, frame, headEnd));
    const { cron, scheduledTime } = event;
    return Response.json(await USER.scheduled({ cron, scheduledTime: new Date(scheduledTime) }));
  },
};

/**
 * @param {{ fetch: typeof fetch } | undefined} handler
 * @param {{ scripts: string[] }} event
 * @param {ArrayBuffer} frame
 * @param {number} itemsAt
 */
async function tail(handler, { scripts }, frame, itemsAt) {
  if (!handler) return { outcome: "exception" };
  try {
    await handler.fetch(`http://tail/?${scripts.join()}`, { method: "POST", body: new Uint8Array(frame, itemsAt) });
    return { outcome: "ok" };
  } catch {
    return { outcome: "exception" };
  }
}

/**
 * @param {any} user
 * @param {Batch} batch
 * @param {ArrayBuffer} frame
 * @param {number} bodiesAt
 */
function queue(user, { queue, messages, metrics }, frame, bodiesAt) {
  let at = bodiesAt;
  const decoded = messages.map(({ id, timestamp, attempts, contentType, size }) => {
    const body = new Uint8Array(frame, at, size);
    at += size;
    return { id, timestamp: new Date(timestamp), attempts, ...content(contentType, body) };
  });
  const { oldestMessageTimestamp, ...counts } = metrics;
  return user.queue(queue, decoded, {
    metrics: { ...counts, oldestMessageTimestamp: new Date(oldestMessageTimestamp) },
  });
}

/**
 * @param {string} type
 * @param {Uint8Array} body
 */
function content(type, body) {
  if (type === "v8") return { serializedBody: body };
  if (type === "bytes") return { body: body.slice() };
  return { body: type === "json" ? JSON.parse(text.decode(body)) : text.decode(body) };
}
