import type { HttpMetadata } from "./model.ts";

const fields: { header: string; name: Exclude<keyof HttpMetadata, "cacheExpiry"> }[] = [
  { header: "content-type", name: "contentType" },
  { header: "content-language", name: "contentLanguage" },
  { header: "content-disposition", name: "contentDisposition" },
  { header: "content-encoding", name: "contentEncoding" },
  { header: "cache-control", name: "cacheControl" },
];

/** What an object keeps of the headers of a request. */
export function httpMetadataOf(header: (name: string) => string | undefined): HttpMetadata {
  const metadata: HttpMetadata = {};
  for (const { header: field, name } of fields) {
    const value = header(field);
    if (value) metadata[name] = value;
  }
  const expires = Date.parse(header("expires") ?? "");
  if (!Number.isNaN(expires)) metadata.cacheExpiry = expires;
  return metadata;
}

/** The headers that it is served with. */
export function httpFields(metadata: HttpMetadata): Record<string, string> {
  const found: Record<string, string> = {};
  for (const { header, name } of fields) {
    const value = metadata[name];
    // What no header can have was put by a Worker, which may put anything.
    if (value !== undefined && isHeaderText(value)) found[header] = value;
  }
  if (metadata.cacheExpiry !== undefined) found.expires = new Date(metadata.cacheExpiry).toUTCString();
  return found;
}

function isHeaderText(text: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(text);
}
