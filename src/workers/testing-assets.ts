import { announcement, bulkForm, type TestFiles } from "../products/assets/testing-upload.ts";
import { type Answer, type Modules, type TestApi, uploadForm } from "./testing.ts";

/** Announces files for a script. */
export function announce(api: TestApi, script: string, files: TestFiles): Promise<Answer> {
  return api.call("POST", `/scripts/${script}/assets-upload-session`, { manifest: announcement(files) });
}

/** Sends a bulk upload. */
export function sendBulk(api: TestApi, jwt: string, form: FormData, headers = {}): Promise<Answer> {
  return api.call("POST", "/assets/upload?base64=true", form, { authorization: `Bearer ${jwt}`, ...headers });
}

/** Announces and uploads what is missing, as the client does; the completion token. */
export async function uploadAssets(
  api: TestApi,
  script: string,
  files: TestFiles,
  types: Record<string, string> = {},
): Promise<string> {
  const { result, errors } = await announce(api, script, files);
  if (!result) throw new Error(JSON.stringify(errors));
  let jwt = result.jwt as string;
  for (const bucket of result.buckets as string[][]) {
    const answer = await sendBulk(api, result.jwt, bulkForm(files, bucket, types));
    if (answer.errors.length > 0) throw new Error(JSON.stringify(answer.errors));
    jwt = answer.result.jwt ?? jwt;
  }
  return jwt;
}

/** The metadata of an upload of static assets alone. */
export function assetsOnly(assets: Record<string, unknown>, more: Record<string, unknown> = {}): FormData {
  const form = new FormData();
  form.set("metadata", JSON.stringify({ assets, compatibility_date: "2026-01-01", ...more }));
  return form;
}

/** Uploads files and deploys them, alone or with modules; the answer to the upload of the version. */
export async function deploySite(
  api: TestApi,
  script: string,
  files: TestFiles,
  { config, modules, metadata = {} }: { config?: object; modules?: Modules; metadata?: Record<string, unknown> } = {},
): Promise<Answer> {
  const assets = { jwt: await uploadAssets(api, script, files), ...(config && { config }) };
  const form = modules ? uploadForm({ assets, ...metadata }, modules) : assetsOnly(assets, metadata);
  return api.call("PUT", `/scripts/${script}?excludeScript=true`, form);
}
