/** Exception types of `rpc.capnp`. */
const FAILED = 0;

/**
 * A Cap'n Proto RPC `abort` message: the last word of a peer that ends the connection. The Worker at the other
 * end gets it as an `Error` with this message (workerd reads `jsg.Error: ` off the front), for the call that opened the connection.
 * Layout: `rpc.capnp`, structs `Message` and `Exception`, in one segment.
 */
export function rpcAbort(message: string): Buffer {
  const reason = Buffer.from(`jsg.Error: ${message}\0`);
  const reasonWords = Math.ceil(reason.length / 8);
  const segmentWords = 6 - 1 + reasonWords;
  const bytes = Buffer.alloc(8 + segmentWords * 8);
  bytes.writeUInt32LE(0, 0); // one segment
  bytes.writeUInt32LE(segmentWords, 4);
  structPointer(bytes, 8); // root → Message
  bytes.writeUInt16LE(1, 16); // Message: member `abort`
  structPointer(bytes, 24); // → Exception
  bytes.writeUInt16LE(FAILED, 36); // Exception.type
  listPointer(bytes, 40, reason.length); // Exception.reason
  reason.copy(bytes, 48);
  return bytes;
}

/** A pointer to a struct of one data word and one pointer that starts right behind it. */
function structPointer(bytes: Buffer, at: number): void {
  bytes.writeUInt32LE(0, at);
  bytes.writeUInt16LE(1, at + 4);
  bytes.writeUInt16LE(1, at + 6);
}

/** A pointer to a list of bytes that starts right behind it. */
function listPointer(bytes: Buffer, at: number, length: number): void {
  bytes.writeUInt32LE(1, at);
  bytes.writeUInt32LE(length * 8 + 2, at + 4);
}
