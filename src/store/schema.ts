import type { Generated } from "kysely";
import type { ScriptKind } from "../domain/script-kind.ts";

/**
 * Tables of the `sql` port. Only types that SQLite and PostgreSQL share: text, integer, real.
 * Times are ISO strings in UTC, flags are 0 or 1, `…_json` columns hold JSON text.
 */
export interface Database {
  accounts: AccountRow;
  tokens: TokenRow;
  audit_events: AuditEventRow;
  scripts: ScriptRow;
  versions: VersionRow;
  deployments: DeploymentRow;
  deployment_versions: DeploymentVersionRow;
  deployment_plans: DeploymentPlanRow;
  aliases: AliasRow;
  settings: SettingRow;
  asset_contents: AssetContentRow;
  asset_sessions: AssetSessionRow;
  asset_blobs: AssetBlobRow;
  version_sites: VersionSiteRow;
  object_namespaces: ObjectNamespaceRow;
  object_transfers: ObjectTransferRow;
  workflows: WorkflowRow;
  discarded_states: DiscardedStateRow;
  d1_databases: D1DatabaseRow;
  kv_namespaces: KvNamespaceRow;
  queues: QueueRow;
  queue_consumers: QueueConsumerRow;
  cron_triggers: CronTriggerRow;
  cron_runs: CronRunRow;
  secrets_stores: SecretsStoreRow;
  secrets_store_secrets: StoreSecretRow;
  s3_keys: S3KeyRow;
  zones: ZoneRow;
  worker_routes: WorkerRouteRow;
  daily_requests: DailyRequestRow;
  custom_domains: CustomDomainRow;
  remote_sessions: RemoteSessionRow;
  named_previews: NamedPreviewRow;
  pages_projects: PagesProjectRow;
  pages_deployments: PagesDeploymentRow;
  pages_aliases: PagesAliasRow;
  pages_deploy_hooks: PagesDeployHookRow;
  logpush_jobs: LogpushJobRow;
}

/** A job that pushes what is known of an account's invocations to a destination. */
export interface LogpushJobRow {
  /** Never given twice. */
  id: number;
  account_id: string;
  /** 1 or 0. */
  enabled: number;
  /** `destination_conf`, which has keys in it. */
  destination_sealed: string;
  /** Everything else that was asked for (`observe/logpush/job-store.ts`). */
  settings_json: string;
  created_on: string;
}

/** A named preview of a Worker: a branch of it with bindings and data of its own. */
export interface NamedPreviewRow {
  /** 32 hex digits. */
  id: string;
  /** The Worker that it is a preview of. */
  script_id: string;
  /** As people call it, such as a branch; unique in the Worker. */
  name: string;
  /** What stands for it in host names; unique in the Worker. */
  slug: string;
  /** The script that runs it, of kind `preview`; it comes with the first deployment. */
  script_name: string;
  /** 1: the Worker's base configuration of previews is not for it. */
  ignores_base: number;
  /** Settings of its script that are not versioned. */
  settings_json: string;
  created_on: string;
  /** Of its last deployment, or of its making. */
  updated_on: string;
}

/** A domain of an account, made by the operator. */
export interface ZoneRow {
  /** 32 hex digits, as of the two that follow. */
  id: string;
  account_id: string;
  /** Unique on the platform. */
  name: string;
  created_on: string;
}

export interface WorkerRouteRow {
  id: string;
  zone_id: string;
  /** As `RoutePattern.text`; unique in the zone. */
  pattern: string;
  /** Any kind of script. Null: requests pass by the Workers of less specific routes. */
  script_id: string | null;
  /** 1: once the account's daily requests are used up, the Worker steps aside. */
  fail_open: Generated<number>;
}

/** What one edge process counted of an account's requests on one day. */
export interface DailyRequestRow {
  /** UTC, such as `2026-11-28`. */
  day: string;
  account_id: string;
  edge_id: string;
  requests: number;
}

/** A host name that is one script's own. */
export interface CustomDomainRow {
  id: string;
  account_id: string;
  /** Unique on the platform. */
  hostname: string;
  /** The zone that it is in; null for a name that is in none. */
  zone_id: string | null;
  /** Whose it is; null: a bucket's. */
  script_id: string | null;
  /** The bucket whose it is. Its name alone might mean another one some day. */
  bucket_id: string | null;
  bucket_name: string | null;
  /** The host itself answers. */
  enabled: number;
  /** Versions and aliases answer below it. */
  previews_enabled: number;
  /** What the host shows instead of the deployment: what an alias does, as a branch of a Pages project. */
  alias: string | null;
  /** The oldest version of TLS that is taken there, such as `1.2`; null: whatever the platform takes. Buckets' alone. */
  min_tls: string | null;
  created_on: string;
}

/** A session of remote development (`wrangler dev --remote`, remote bindings). */
export interface RemoteSessionRow {
  /** The script that the session runs, of kind `session`; it comes with the first upload that succeeds. */
  script_name: string;
  account_id: string;
  /** SHA-256, hex, of the token that requests show. */
  token_hash: string;
  /** Name of the Worker that is being developed; it need not exist. */
  worker_name: string;
  created_on: string;
  expires_on: string;
}

/** A Pages project. Its versions, deployments and aliases are those of its script. */
export interface PagesProjectRow {
  id: string;
  account_id: string;
  /** Unique in the account. */
  name: string;
  /** DNS label of the project in `<label>.pages.<base>`; unique. */
  label: string;
  script_id: string;
  production_branch: string;
  created_on: string;
  /** Build configuration, source, and what each environment has. */
  settings_json: string;
}

export interface PagesDeploymentRow {
  /** Id of its version too. */
  id: string;
  project_id: string;
  /** `production` or `preview`. */
  environment: string;
  branch: string;
  created_on: string;
  modified_on: string;
  /** What started it, its stages, its log, what it was configured with. */
  details_json: string;
  /** Of a failed one: key of the blob of what was uploaded (`products/assets/kept-uploads.ts`). */
  upload: string | null;
}

/** A name in the host names of a project, and the branch whose newest deployment it shows. */
export interface PagesAliasRow {
  project_id: string;
  /** Unique in the project: a name of `aliases` too, once the branch has a deployment. */
  alias: string;
  branch: string;
  /** 1 when a person gave it; 0 for the one that every branch has. */
  custom: number;
  created_on: string;
}

/** A deploy hook of a project. Its id is a secret: whoever has it may call the hook. */
export interface PagesDeployHookRow {
  /** SHA-256, hex, of the id. */
  id_hash: string;
  /** `Sealed.sealed` of the id. */
  id_sealed: string;
  project_id: string;
  /** Unique in the project. */
  name: string;
  /** What is to be built. */
  branch: string;
  created_on: string;
}

/** The registry of Durable Object classes: a row for each that exists, whatever it was called before. */
export interface ObjectNamespaceRow {
  /** Permanent: `ObjectClass.namespaceId`. */
  id: string;
  account_id: string;
  /** Script that has the class. */
  script_id: string;
  /** Unique in the script. */
  class_name: string;
  /** `sqlite` or `legacy-kv`. */
  storage: string;
  created_on: string;
  /** Name of the script that gave it away, when it was transferred by declared `exports`. */
  transferred_from: string | null;
}

/** A transfer that the receiving script declared (`expecting-transfer`) and the giving one has not committed. */
export interface ObjectTransferRow {
  /** Script that expects the class. */
  script_id: string;
  class_name: string;
  source_script_id: string;
  created_on: string;
}

export interface WorkflowRow {
  /** Permanent: `WorkflowClass.workflowId`. */
  id: string;
  account_id: string;
  script_id: string;
  /** Unique in the account. */
  name: string;
  class_name: string;
  created_on: string;
  modified_on: string;
  /** Limits and schedules. */
  settings_json: string;
}

/** Namespaces and workflows that were deleted and whose data may still be there. */
export interface DiscardedStateRow {
  id: string;
  discarded_on: string;
}

export interface D1DatabaseRow {
  /** UUID. */
  id: string;
  account_id: string;
  /** Unique in the account. */
  name: string;
  created_on: string;
  /** Read replication mode, location hint, jurisdiction. */
  settings_json: string;
}

export interface KvNamespaceRow {
  /** 32 hex digits. */
  id: string;
  account_id: string;
  /** Unique in the account. */
  title: string;
  created_on: string;
}

export interface QueueRow {
  /** 32 hex digits. */
  id: string;
  account_id: string;
  /** Unique in the account. */
  name: string;
  created_on: string;
  modified_on: string;
  /** Seconds. */
  delivery_delay: number;
  /** Seconds. */
  retention: number;
  /** 0 or 1. */
  paused: number;
}

/** A queue has one consumer at most. */
export interface QueueConsumerRow {
  /** 32 hex digits. */
  id: string;
  queue_id: string;
  account_id: string;
  /** `worker` or `http_pull`. */
  type: string;
  /** Name of the script; null for `http_pull`. */
  script: string | null;
  /** Name of a queue of the account; null: there is none. */
  dead_letter_queue: string | null;
  /** What it says of batches, retries and so on, in the API's words. */
  settings_json: string;
  created_on: string;
}

export interface SecretsStoreRow {
  /** 32 hex digits. */
  id: string;
  account_id: string;
  name: string;
  created_on: string;
  modified_on: string;
}

/** A secret of an account, which Workers may be bound to. */
export interface StoreSecretRow {
  /** 32 hex digits. */
  id: string;
  account_id: string;
  store_id: string;
  /** Unique in the store. */
  name: string;
  /** Empty: none. */
  comment: string;
  /** List of the services that may read it. */
  scopes_json: string;
  /** `Sealed.sealed` of the value. */
  sealed: string;
  created_on: string;
  modified_on: string;
}

/** An access key of the S3 API. One that is revoked has no row. */
export interface S3KeyRow {
  /** 32 hex digits. */
  id: string;
  account_id: string;
  name: string;
  permission: string;
  /** JSON: names of the buckets that it opens; null: all of the account. */
  buckets_json: string | null;
  /** `SealedText.sealed`. */
  secret_sealed: string;
  created_on: string;
}

/** A Cron Trigger. */
export interface CronTriggerRow {
  id: string;
  account_id: string;
  script_id: string;
  /** It creates instances of this workflow; null: it calls the script's `scheduled` handler. */
  workflow_id: string | null;
  /** As it was given, without space around it. */
  cron: string;
  created_on: string;
  modified_on: string;
}

/** A run of a Cron Trigger, whether it was due or asked for. */
export interface CronRunRow {
  id: string;
  script_id: string;
  workflow_id: string | null;
  /** Unique: trigger and minute, so that nobody else makes the same run. */
  slot: string;
  cron: string;
  /** `schedule` or `api`. */
  source: string;
  scheduled_on: string;
  started_on: string;
  /** Null while it runs. */
  duration_ms: number | null;
  /** `EventOutcome`, `missed` or `unknown`; null while it runs. */
  outcome: string | null;
  message: string | null;
  /** The version that ran, where one did. */
  version_id: string | null;
}

export interface AccountRow {
  /** 32 hex digits. */
  id: string;
  name: string;
  /** DNS label of the account in Workers' host names; unique. */
  subdomain: string;
  created_on: string;
}

export interface TokenRow {
  id: string;
  account_id: string;
  name: string;
  /** `admin`, `edit` or `read`. */
  scope: string;
  /** SHA-256 of the token, hex; the token itself is never stored. */
  hash: string;
  created_on: string;
  revoked_on: string | null;
}

export interface AuditEventRow {
  id: Generated<number>;
  account_id: string;
  at: string;
  token_id: string;
  actor: string;
  /** Such as `script.deploy`. */
  action: string;
  /** Such as the script's name. */
  target: string;
  detail_json: string;
}

export interface ScriptRow {
  id: string;
  account_id: string;
  /** Unique in the account, whatever the kind. */
  name: string;
  kind: ScriptKind;
  /** Opaque, stable tag that clients compare (32 hex digits). */
  tag: string;
  created_on: string;
  modified_on: string;
  /** `wrangler`, `dash` or `api`. */
  last_deployed_from: string;
  migration_tag: string | null;
  /** workers.dev form of the host name answers. */
  enabled: number;
  previews_enabled: number;
  /** Number that the next version gets. */
  next_version_number: number;
  /** Unversioned script settings: logpush, tail_consumers, observability, tags, placement. */
  settings_json: string;
}

export interface VersionRow {
  id: string;
  script_id: string;
  number: number;
  created_on: string;
  author_id: string;
  author_email: string;
  /** `wrangler`, `api`, `dash`, … */
  source: string;
  /** SHA-256 of the content, hex. */
  etag: string;
  startup_time_ms: number;
  /** Annotations such as `workers/message`. */
  annotations_json: string;
  /** The {@link LaunchRecord} of `domain/version.ts`; secrets sealed. */
  record_json: string;
  /** What else the upload said and reads give back: placement, usage model, migrations. */
  metadata_json: string;
}

export interface DeploymentRow {
  id: string;
  script_id: string;
  /** Orders deployments made within one millisecond. */
  sequence: Generated<number>;
  created_on: string;
  source: string;
  author_email: string;
  annotations_json: string;
}

export interface DeploymentVersionRow {
  deployment_id: string;
  position: number;
  version_id: string;
  percentage: number;
}

/** A rollout: how a new version takes over from a stable one, and how far that is. */
export interface DeploymentPlanRow {
  /** Id of the deployment that it began with. */
  id: string;
  script_id: string;
  /** The last deployment that it made; once another is active, the plan is over. */
  deployment_id: string;
  version_id: string;
  stable_version_id: string;
  /** `running`, `paused`, `completed`, `rolled_back`, `aborted`, `superseded` or `failed`. */
  status: string;
  /** Why it ended, for people. */
  reason: string | null;
  /** `RolloutPlan` and `RolloutProgress` of `domain/rollout.ts`. */
  plan_json: string;
  progress_json: string;
  /** Grows with each change, so that of two that were made of the same state one fails. */
  revision: number;
  /** The control process that looks after it, and until when no other may. */
  claimed_by: string | null;
  claimed_until: string | null;
  created_on: string;
  modified_on: string;
}

export interface AliasRow {
  script_id: string;
  alias: string;
  version_id: string;
  created_on: string;
}

/** Small facts of the whole platform, such as the snapshot's generation. */
export interface SettingRow {
  key: string;
  value: string;
}

/** A content of static assets that is on disk. Without a row there is none, whatever files there are. */
export interface AssetContentRow {
  account_id: string;
  /** The client's name of the content, 32 hex digits. */
  hash: string;
  /** Bytes. */
  size: number;
  /** Null: served without `Content-Type`. */
  content_type: string | null;
  created_on: string;
  /** 1 when its encoded variants are made, or there are none to make. */
  variants_made: number;
}

/** An upload of assets that may still become a version: its contents are kept until it expires. */
export interface AssetSessionRow {
  account_id: string;
  /** Key of the announced files in the blob store. */
  manifest: string;
  expires_on: string;
}

/** A blob that belongs to static assets, so that it can be removed once no version names it. */
export interface AssetBlobRow {
  key: string;
  used_on: string;
}

/** A version with static assets. */
export interface VersionSiteRow {
  version_id: string;
  script_id: string;
  /** Key of its `SiteRecord` in the blob store. */
  site: string;
}
