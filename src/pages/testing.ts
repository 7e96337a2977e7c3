import { tailRoutes } from "../observe/live/routes.ts";
import { type TestFiles, wranglerHash } from "../products/assets/testing-upload.ts";
import { type Answer, type Modules, type TestApi, testApi, uploadForm } from "../workers/testing.ts";
import { pagesRoutes } from "./routes.ts";

/** The Workers' test API with Pages' routes, called as the client does. */
export interface PagesApi {
  api: TestApi;
  /** Path below `/accounts/<account>/pages/projects`. */
  call(method: string, path: string, body?: unknown): Promise<Answer>;
  /** Makes a project whose production branch is `main`. */
  create(name: string, more?: Record<string, unknown>): Promise<Answer>;
  /** Uploads files and deploys them. */
  deploy(name: string, options?: DeployOptions): Promise<Answer>;
}

export interface DeployOptions {
  files?: TestFiles;
  /** Absent: `main`. */
  branch?: string;
  modules?: Modules;
  /** `metadata` of the bundle. */
  metadata?: Record<string, unknown>;
  /** Further parts of the form, such as `_routes.json`. */
  parts?: Record<string, string>;
}

export async function pagesApi(env: Record<string, string> = {}): Promise<PagesApi> {
  const api = await testApi(env, [...tailRoutes, ...pagesRoutes]);
  const projects = `//accounts/${api.platform.account.id}/pages/projects`;
  const call = (method: string, path: string, body?: unknown) => api.call(method, `${projects}${path}`, body);
  return {
    api,
    call,
    create: (name, more = {}) => call("POST", "", { name, production_branch: "main", ...more }),
    async deploy(name, options = {}) {
      const { files = { "/index.html": "<h1>Home</h1>" } } = options;
      await upload(api, await uploadToken(call, name), files);
      return call("POST", `/${name}/deployments`, await deploymentForm({ ...options, files }));
    },
  };
}

export async function uploadToken(call: PagesApi["call"], name: string): Promise<string> {
  return (await call("GET", `/${name}/upload-token`)).result.jwt;
}

export function contentsOf(files: TestFiles) {
  return Object.entries(files).map(([path, content]) => ({
    key: wranglerHash(path, content),
    value: Buffer.from(content).toString("base64"),
    metadata: { contentType: path.endsWith(".html") ? "text/html" : "application/octet-stream" },
    base64: true,
  }));
}

async function upload(api: TestApi, jwt: string, files: TestFiles): Promise<void> {
  const answer = await api.call("POST", "//pages/assets/upload", contentsOf(files), { authorization: `Bearer ${jwt}` });
  if (answer.status !== 200) throw new Error(JSON.stringify(answer.errors));
}

async function deploymentForm({ files = {}, branch = "main", modules, metadata, parts = {} }: DeployOptions) {
  const form = new FormData();
  const hashes = Object.entries(files).map(([path, content]) => [path, wranglerHash(path, content)]);
  form.set("manifest", JSON.stringify(Object.fromEntries(hashes)));
  form.set("branch", branch);
  for (const [name, text] of Object.entries(parts)) form.set(name, new File([text], name));
  if (modules || metadata) {
    const bundle = await new Response(bundleForm(metadata, modules)).blob();
    form.set("_worker.bundle", new File([bundle], "_worker.bundle"));
  }
  return form;
}

/** The client leaves `bindings` out unless there is a wrangler file. */
function bundleForm(metadata: Record<string, unknown> = {}, modules?: Modules): FormData {
  const form = uploadForm({ bindings: undefined, compatibility_date: undefined, ...metadata }, modules);
  return form;
}
