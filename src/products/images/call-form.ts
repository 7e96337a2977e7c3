/** A call on its way from services to an images host: the length of the head (2 bytes), the head as JSON, the form as it came. */

export interface Call {
  operation: "info" | "transform";
  /** Of the form: it says what separates its parts. */
  contentType: string;
  body: Buffer;
}

export function encodeCall({ operation, contentType, body }: Call): Buffer {
  const head = Buffer.from(JSON.stringify({ operation, contentType }));
  const length = Buffer.alloc(2);
  length.writeUInt16LE(head.length);
  return Buffer.concat([length, head, body]);
}

export function decodeCall(payload: Buffer): Call {
  const end = 2 + payload.readUInt16LE(0);
  return { ...JSON.parse(payload.toString("utf8", 2, end)), body: payload.subarray(end) };
}
