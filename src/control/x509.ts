/** Loads the certificate library, which needs 23 MB and is only used to make a certificate. */
export async function loadX509(): Promise<typeof import("@peculiar/x509")> {
  provideMetadata();
  return import("@peculiar/x509");
}

/** The part of the "reflect metadata" proposal that the library's injector asks for. */
interface MetadataApi {
  getMetadata?(key: string, target: object): unknown;
  getOwnMetadata?(key: string, target: object): unknown;
  defineMetadata?(key: string, value: unknown, target: object): void;
}

function provideMetadata(): void {
  const api = Reflect as MetadataApi;
  if (api.getMetadata) return;
  const all = new WeakMap<object, Map<string, unknown>>();
  const read = (key: string, target: object) => all.get(target)?.get(key);
  api.getMetadata = read;
  api.getOwnMetadata = read;
  api.defineMetadata = (key, value, target) => {
    const own = all.get(target) ?? new Map<string, unknown>();
    all.set(target, own.set(key, value));
  };
}
