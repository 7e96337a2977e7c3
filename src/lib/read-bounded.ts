/**
 * A request's body; undefined when it is larger than the limit. What is announced as too large is not read at all, other
 * bodies up to the limit only.
 */
export async function readBounded(request: Request, limitBytes: number): Promise<Buffer<ArrayBuffer> | undefined> {
  if (Number(request.headers.get("content-length")) > limitBytes) return undefined;
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength;
    if (size > limitBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
