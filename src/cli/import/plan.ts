/** What an import does: pure, so that it can be shown before it is done. */
import { mapForms } from "../../pages/bindings.ts";
import { bindingMaps, settingNames } from "../../pages/environment.ts";
import { kindOfType } from "../../products/kinds.ts";
import { differences, isEmpty, picked } from "./differences.ts";
import { isNamed, leftoversOf, stateOf, unknownIn } from "./leftovers.ts";
import type { RemoteEnvironment, RemoteProject, Source } from "./source.ts";
import type { Resource, Target } from "./target.ts";

export interface ImportPlan {
  /** Resources to make, by kind and name. */
  missing: { kind: Resource; name: string }[];
  /** Lines about what changes in the project. Empty: nothing. */
  changes: string[];
  /** The project's new settings, once every resource is there. */
  body(resources: Target["resources"]): Record<string, unknown>;
  /** Custom domains to add. */
  domains: string[];
  /** What is not carried, or is to be done by a person. */
  notes: string[];
}

const BUILD_KEYS = ["build_command", "destination_dir", "root_dir", "build_caching"];
const SOURCE_KEYS = [
  ...["owner", "owner_id", "repo_name", "repo_id", "pr_comments_enabled", "deployments_enabled"],
  ...["production_deployments_enabled", "preview_deployment_setting", "preview_branch_includes"],
  ...["preview_branch_excludes", "path_includes", "path_excludes"],
];

/** Where a binding leads: to a resource by its name, or as it is; or why it is left out. */
type Lead = ({ kind: Resource; name: string; field: string } | { entry: Record<string, unknown> } | { why: string }) & {
  /** Fields of the binding that are not carried. */
  without?: string[];
};

export function planImport(source: Source, target: Target, newestDate: string): ImportPlan {
  const { project } = source;
  const plan = {
    missing: new Map<string, { kind: Resource; name: string }>(),
    changes: [] as string[],
    notes: [...source.unread],
  };
  const environments = (["production", "preview"] as const).map((name) => {
    const remote = project.deployment_configs[name] ?? {};
    return { name, ...environmentOf(name, remote, source, target, newestDate, plan.notes) };
  });
  for (const { leads } of environments)
    for (const { lead } of leads)
      if ("kind" in lead && !target.resources[lead.kind].has(lead.name))
        plan.missing.set(`${lead.kind} ${lead.name}`, { kind: lead.kind, name: lead.name });

  const body = (resources: Target["resources"]) => ({
    ...settingsOf(project),
    deployment_configs: Object.fromEntries(environments.map((one) => [one.name, configOf(one, resources)])),
  });
  const wanted = body(target.resources);
  if (!target.project) plan.changes.push(`the project ${project.name} is made`);
  plan.changes.push(...differences(target.project ?? {}, wanted));
  const fresh = source.domains.filter(({ name }) => !target.domains.has(name));
  const domains = fresh.filter(({ branch }) => branch === undefined).map(({ name }) => name);
  for (const { name, branch } of fresh)
    if (branch !== undefined)
      plan.notes.push(`${name} shows the branch "${branch}": add it here once that is deployed.`);
  plan.notes.push(...leftoversOf(project, { build: BUILD_KEYS, source: SOURCE_KEYS }));
  plan.notes.push(...fresh.flatMap(stateOf));
  if (plan.missing.size > 0) plan.notes.push("Data is not copied: what is made is empty.");
  for (const domain of domains)
    plan.notes.push(
      `Let ${domain} lead to this machine (its A and AAAA records, or a CNAME), and take it from the project there.`,
    );
  return { missing: [...plan.missing.values()], changes: plan.changes, body, domains, notes: plan.notes };
}

/** Settings of an environment that say how it was deployed there, or are this platform's alone. */
const NOT_CARRIED = ["wrangler_config_hash", "rollout", "env_vars"];

interface Carried {
  settings: Record<string, unknown>;
  variables: Record<string, { type: string; value: string }>;
  leads: { map: string; binding: string; lead: Lead }[];
}

function settingsOf({ production_branch, build_config, source }: RemoteProject): Record<string, unknown> {
  return {
    production_branch,
    build_config: picked(build_config ?? {}, BUILD_KEYS),
    ...(source &&
      isNamed(source) && { source: { type: source.type, config: picked(source.config ?? {}, SOURCE_KEYS) } }),
  };
}

function configOf({ settings, variables, leads }: Carried, resources: Target["resources"]): Record<string, unknown> {
  const maps: Record<string, Record<string, unknown>> = {};
  for (const { map, binding, lead } of leads) {
    if ("why" in lead) continue;
    const entry = "entry" in lead ? lead.entry : { [lead.field]: resources[lead.kind].get(lead.name) };
    maps[map] = { ...maps[map], [binding]: entry };
  }
  return { ...settings, ...maps, ...(!isEmpty(variables) && { env_vars: variables }) };
}

function environmentOf(
  name: "production" | "preview",
  remote: RemoteEnvironment,
  source: Source,
  target: Target,
  newestDate: string,
  notes: string[],
): Carried {
  const known: string[] = settingNames;
  const settings = picked(
    remote,
    known.filter((key) => !NOT_CARRIED.includes(key)),
  );
  if (String(settings.compatibility_date ?? "") > newestDate) {
    notes.push(
      `${name}: compatibility_date is ${newestDate}, the newest here, instead of ${String(settings.compatibility_date)}.`,
    );
    settings.compatibility_date = newestDate;
  }
  if (!isEmpty(remote.rollout)) notes.push(`${name}: rollout is left out: set it here again.`);
  const variables: Carried["variables"] = {};
  const here = target.project?.deployment_configs[name]?.env_vars ?? {};
  for (const [key, variable] of Object.entries(remote.env_vars ?? {})) {
    if (variable?.type === "plain_text") variables[key] = { type: "plain_text", value: variable.value ?? "" };
    else if (variable && here[key]?.type !== "secret_text")
      notes.push(
        `${name}: the secret ${key} has to be set, its value cannot be read: npx wrangler pages secret put ${key} --project-name ${source.project.name}${name === "preview" ? " --env preview" : ""}`,
      );
  }
  const leads: Carried["leads"] = [];
  for (const map of bindingMaps) {
    for (const [binding, entry] of Object.entries(
      (remote[map] ?? {}) as Record<string, Record<string, unknown> | null>,
    )) {
      if (!entry) continue;
      const lead = leadOf(map, entry, source, target);
      if ("why" in lead) notes.push(`${name}: the binding ${binding} (${map}) is left out: ${lead.why}.`);
      else leads.push({ map, binding, lead });
      for (const field of lead.without ?? [])
        notes.push(
          `${name}: ${field} of the binding ${binding} (${map}) is left out: ${JSON.stringify(entry[field])} means nothing here.`,
        );
    }
  }
  notes.push(...unknownIn(name, remote, [...known, ...bindingMaps, "env_vars"]));
  const limits = remote.limits as Record<string, unknown> | null | undefined;
  if (limits) {
    notes.push(...unknownIn(`${name}.limits`, limits, ["cpu_ms"]));
    settings.limits = picked(limits, ["cpu_ms"]);
    if (isEmpty(settings.limits)) delete settings.limits;
  }
  return { settings, variables, leads };
}

function leadOf(
  map: (typeof bindingMaps)[number],
  entry: Record<string, unknown>,
  source: Source,
  target: Target,
): Lead {
  const text = (field: string) => (typeof entry[field] === "string" ? entry[field] : "");
  const others = (...fields: string[]) =>
    Object.keys(entry).filter((key) => !fields.includes(key) && !isEmpty(entry[key]));
  const resource = (kind: Resource, field: string, name: string | undefined): Lead =>
    name ? { kind, name, field, without: others(field) } : { why: "its name could not be read" };
  switch (map) {
    case "kv_namespaces":
      return resource("kv", "namespace_id", source.kv.get(text("namespace_id")));
    case "d1_databases":
      return resource("d1", "id", source.d1.get(text("id")));
    case "r2_buckets":
      return resource("r2", "name", text("name"));
    case "queue_producers":
      return resource("queue", "name", text("name"));
    case "services": {
      const { service, entrypoint } = entry;
      if (!target.scripts.has(text("service")))
        return { why: `there is no Worker ${text("service")} here. Deploy it and import again` };
      const without = others("service", "entrypoint").filter(
        (key) => key !== "environment" || entry[key] !== "production",
      );
      return { entry: { service, ...(entrypoint ? { entrypoint } : {}) }, without };
    }
    case "durable_object_namespaces": {
      const found = source.classes.get(text("namespace_id"));
      const className = found?.className ?? text("class_name");
      const script = found?.script ?? text("service");
      const without = others("namespace_id", "class_name", "service", "environment");
      // A class of the project itself comes with its first deployment.
      if (className && (script === "" || script === source.project.production_script_name))
        return { entry: { class_name: className }, without };
      if (!target.classes.has(`${script}/${className}`))
        return {
          why: `there is no Worker ${script || "with its class"} ${className ? `with the class ${className} ` : ""}here. Deploy it and import again`,
        };
      return { entry: { class_name: className, service: script }, without };
    }
    case "bindings":
      return kindOfType(text("type")) ? { entry } : { why: `${text("type")} is not available here` };
    default: {
      const { type, fields } = mapForms[map];
      const known = Object.keys(fields);
      return kindOfType(type)
        ? { entry: picked(entry, known), without: others(...known) }
        : { why: `${type} is not available here` };
    }
  }
}
