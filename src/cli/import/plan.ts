/** What an import does: pure, so that it can be shown before it is done. */
import { mapForms } from "../../pages/bindings.ts";
import { bindingMaps, settingNames } from "../../pages/environment.ts";
import { kindOfType } from "../../products/kinds.ts";
import { differences, isEmpty, picked } from "./differences.ts";
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
type Lead = { kind: Resource; name: string; field: string } | { entry: Record<string, unknown> } | { why: string };

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
  for (const key of OWN_KEYS)
    if (project[key] && !isEmpty(project[key]))
      plan.notes.push(`${key} of the project is left out: set it here again.`);
  if (plan.missing.size > 0) plan.notes.push("Data is not copied: what is made is empty.");
  for (const domain of domains)
    plan.notes.push(
      `Let ${domain} lead to this machine (its A and AAAA records, or a CNAME), and take it from the project there.`,
    );
  return { missing: [...plan.missing.values()], changes: plan.changes, body, domains, notes: plan.notes };
}

/** Settings that belong to a running project rather than to its code: a person decides about them here. */
const OWN_KEYS = ["tail_consumers", "observability", "logpush"] as const;

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
    ...(source && { source: { type: source.type, config: picked(source.config ?? {}, SOURCE_KEYS) } }),
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
    }
  }
  const unknown = Object.keys(remote).filter(
    (key) => ![...known, ...bindingMaps, "env_vars"].includes(key) && !isEmpty(remote[key]),
  );
  for (const key of unknown) notes.push(`${name}: ${key} is left out: it is not known here.`);
  return { settings, variables, leads };
}

function leadOf(
  map: (typeof bindingMaps)[number],
  entry: Record<string, unknown>,
  source: Source,
  target: Target,
): Lead {
  const text = (field: string) => (typeof entry[field] === "string" ? entry[field] : "");
  const resource = (kind: Resource, field: string, name: string | undefined): Lead =>
    name ? { kind, name, field } : { why: "its name could not be read" };
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
      return { entry: { service, ...(entrypoint ? { entrypoint } : {}) } };
    }
    case "durable_object_namespaces": {
      const found = source.classes.get(text("namespace_id"));
      const className = found?.className ?? text("class_name");
      const script = found?.script ?? text("service");
      // A class of the project itself comes with its first deployment.
      if (className && (script === "" || script === source.project.production_script_name))
        return { entry: { class_name: className } };
      if (!target.classes.has(`${script}/${className}`))
        return {
          why: `there is no Worker ${script || "with its class"} ${className ? `with the class ${className} ` : ""}here. Deploy it and import again`,
        };
      return { entry: { class_name: className, service: script } };
    }
    case "bindings":
      return kindOfType(text("type")) ? { entry } : { why: `${text("type")} is not available here` };
    default: {
      const { type } = mapForms[map];
      return kindOfType(type) ? { entry } : { why: `${type} is not available here` };
    }
  }
}
