/** What the original's own SDK says is always there, held against what is answered; a newer SDK's type check says what is new. */
import type { DomainCreateResponse } from "cloudflare/resources/pages/projects/domains";
import type { Deployment, Project, Stage } from "cloudflare/resources/pages/projects/projects";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type PagesApi, pagesApi } from "./testing.ts";

type Always<T> = { [Key in keyof T]-?: object extends Pick<T, Key> ? never : Key }[keyof T];
/** Names every key that a value of the type must have. */
const keysOf =
  <T>() =>
  (keys: Record<Always<T>, true>): string[] =>
    Object.keys(keys);

const project = keysOf<Project>()({
  ...{ id: true, canonical_deployment: true, created_on: true, deployment_configs: true, framework: true },
  ...{
    framework_version: true,
    latest_deployment: true,
    name: true,
    preview_script_name: true,
    production_branch: true,
  },
  ...{ production_script_name: true, uses_functions: true },
});
const environment = keysOf<Project["deployment_configs"]["production"]>()({
  ...{ always_use_latest_compatibility_date: true, build_image_major_version: true, compatibility_date: true },
  ...{ compatibility_flags: true, env_vars: true, fail_open: true, usage_model: true },
});
const deployment = keysOf<Deployment>()({
  ...{ id: true, aliases: true, build_config: true, created_on: true, deployment_trigger: true, env_vars: true },
  ...{
    environment: true,
    is_skipped: true,
    latest_stage: true,
    modified_on: true,
    project_id: true,
    project_name: true,
  },
  ...{ short_id: true, source: true, stages: true, url: true },
});
const buildConfig = keysOf<Deployment["build_config"]>()({ web_analytics_tag: true, web_analytics_token: true });
const trigger = keysOf<Deployment["deployment_trigger"]["metadata"]>()({
  ...{ branch: true, commit_dirty: true, commit_hash: true, commit_message: true },
});
const stage = keysOf<Stage>()({ ended_on: true, name: true, started_on: true, status: true });
const source = keysOf<NonNullable<Project["source"]>["config"]>()({
  ...{ deployments_enabled: true, owner: true, owner_id: true, path_excludes: true, path_includes: true },
  ...{ pr_comments_enabled: true, preview_branch_excludes: true, preview_branch_includes: true, repo_id: true },
  ...{
    preview_deployment_setting: true,
    production_branch: true,
    production_deployments_enabled: true,
    repo_name: true,
  },
});
const domain = keysOf<DomainCreateResponse>()({
  ...{ id: true, certificate_authority: true, created_on: true, domain_id: true, name: true, status: true },
  ...{ validation_data: true, verification_data: true, zone_tag: true },
});

let pages: PagesApi;
beforeAll(async () => {
  pages = await pagesApi();
});
afterAll(() => pages.api.end());

function has(value: object, keys: string[]): void {
  expect(Object.keys(value)).toEqual(expect.arrayContaining(keys));
}

test("projects, deployments, stages and domains have what the SDK promises", async () => {
  const repository = { type: "github", config: { owner: "kim", repo_name: "shop" } };
  await pages.create("shop", { source: repository });
  const made = (await pages.deploy("shop")).result;
  for (const one of [made, (await pages.call("GET", `/shop/deployments/${made.id}`)).result]) {
    has(one, deployment);
    has(one.build_config, buildConfig);
    has(one.deployment_trigger.metadata, trigger);
    for (const each of [one.latest_stage, ...one.stages]) has(each, stage);
  }
  const { result } = await pages.call("GET", "/shop");
  has(result, project);
  has(result.build_config, buildConfig);
  has(result.source.config, source);
  for (const one of ["production", "preview"]) has(result.deployment_configs[one], environment);
  has((await pages.call("POST", "/shop/domains", { name: "shop.example.com" })).result, domain);
  // A client may send all of it back.
  expect((await pages.call("PATCH", "/shop", result)).errors).toEqual([]);
});

test("a list of deployments by an environment that there is not is refused", async () => {
  const answer = await pages.call("GET", "/shop/deployments?env=staging");
  expect([answer.status, answer.code]).toEqual([400, 8000103]);
});
