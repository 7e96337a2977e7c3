import { z } from "zod";
import { type ApiRequest, ApiResult, route } from "../../lib/api.ts";
import type { ApiRoute, Platform } from "../../store/platform.ts";
import { badEventType, badInstanceId, instanceNotFound } from "./errors.ts";
import { callHome, type HomeCall } from "./home.ts";
import { encodeCursor, readInstanceQuery, readStatus } from "./instance-query.ts";
import { EVENT_TYPE, INSTANCE_ID, MAX_BATCH } from "./limits.ts";
import { type ListedInstance, presentInstance } from "./present.ts";
import { type NamedWorkflow, requireWorkflow } from "./store.ts";

const instances = "/accounts/:account/workflows/:workflow/instances";
const one = `${instances}/:instance`;

const Duration = z.union([z.number().int().positive(), z.string().min(1).max(64)]);
const Creation = z.object({
  instance_id: z.string().nullish(),
  params: z.unknown().optional(),
  instance_retention: z
    .object({ success_retention: Duration.optional(), error_retention: Duration.optional() })
    .nullish(),
});
type Creation = z.infer<typeof Creation>;

const StatusChange = z.object({
  status: z.enum(["pause", "resume", "restart", "terminate"]),
  from: z
    .object({
      name: z.string().max(256),
      count: z.number().int().min(1).optional(),
      type: z.enum(["do", "sleep", "waitForEvent"]).optional(),
    })
    .nullish(),
  rollback: z.boolean().nullish(),
});

const BatchDeletion = z.object({ instances: z.array(z.string()).min(1).max(MAX_BATCH) });

/** Instances of a workflow. Their engine is in the runner that owns them; `home.ts` leads there. */
export const instanceRoutes: ApiRoute[] = [
  // wrangler asks with a slash at the end when it looks for the latest instance.
  ...["", "/"].map((end) =>
    route<Platform>({
      method: "GET",
      path: `${instances}${end}`,
      scope: "read",
      summary: "List instances, newest first",
      handle: async (request) => {
        const workflow = await workflowOf(request);
        const body = readInstanceQuery(request.query);
        const page = await callHome(request.platform, workflow, { method: "POST", path: "/page", body });
        const { rows, hasMore, total } = page as { rows: ListedInstance[]; hasMore: boolean; total: number };
        const last = rows.at(-1);
        return new ApiResult(
          rows.map((row) => presentInstance(workflow, row)),
          {
            resultInfo: {
              count: rows.length,
              per_page: body.limit,
              total_count: total,
              ...(hasMore && last && { cursor: encodeCursor(last) }),
            },
          },
        );
      },
    }),
  ),
  route<Platform, Creation | undefined>({
    method: "POST",
    path: instances,
    scope: "edit",
    summary: "Create an instance",
    body: Creation.optional(),
    handle: async (request) => {
      const workflow = await workflowOf(request);
      const options = creationOptions(request.body ?? {});
      const instanceId = options.id ?? "";
      const body = { source: "api", options };
      const call: HomeCall = { method: "POST", path: "/create", body, instanceId };
      const { id } = (await callHome(request.platform, workflow, call)) as { id: string };
      return {
        id,
        version_id: "",
        workflow_id: workflow.id,
        status: "queued",
        ...(await found(request, workflow, id)),
      };
    },
  }),
  route<Platform, Creation[]>({
    method: "POST",
    path: `${instances}/batch`,
    scope: "edit",
    summary: "Create up to 100 instances; those whose id is taken are left out",
    body: z.array(Creation).min(1).max(MAX_BATCH),
    handle: async (request) => {
      const workflow = await workflowOf(request);
      const body = { source: "api", instances: request.body.map(creationOptions) };
      const result = await callHome(request.platform, workflow, { method: "POST", path: "/create-batch", body });
      const { created } = result as { created: { id: string }[] };
      return created.map(({ id }) => ({ id, workflow_id: workflow.id, status: "queued" }));
    },
  }),
  route<Platform, z.infer<typeof BatchDeletion>>({
    method: "POST",
    path: `${instances}/batch/delete`,
    scope: "edit",
    summary: "Delete up to 100 instances",
    body: BatchDeletion,
    handle: async (request) => {
      const workflow = await workflowOf(request);
      return callHome(request.platform, workflow, { method: "POST", path: "/delete-batch", body: request.body });
    },
  }),
  route<Platform>({
    method: "PUT",
    path: `${instances}/terminate`,
    scope: "edit",
    summary: "Terminate the instances that have not ended, or those in one status; up to 1,000 at a time",
    handle: async (request) => {
      const workflow = await workflowOf(request);
      const body = { status: readStatus(request.query) };
      const result = await callHome(request.platform, workflow, { method: "POST", path: "/terminate-all", body });
      return { status: "ok", ...(result as { terminated: number }) };
    },
  }),
  route<Platform>({
    method: "GET",
    path: one,
    scope: "read",
    summary: "Read an instance with its steps",
    handle: async (request) => {
      const workflow = await workflowOf(request);
      const id = instanceOf(request);
      const found = await callHome(request.platform, workflow, { method: "GET", path: `/instances/${id}` });
      if (found === null) throw instanceNotFound(id);
      return found;
    },
  }),
  route<Platform>({
    method: "DELETE",
    path: one,
    scope: "edit",
    summary: "Delete an instance",
    handle: async (request) => {
      const workflow = await workflowOf(request);
      const id = instanceOf(request);
      const body = { instances: [id] };
      const result = await callHome(request.platform, workflow, { method: "POST", path: "/delete-batch", body });
      if ((result as { deleted: unknown[] }).deleted.length === 0) throw instanceNotFound(id);
      return { id };
    },
  }),
  route<Platform, z.infer<typeof StatusChange>>({
    method: "PATCH",
    path: `${one}/status`,
    scope: "edit",
    summary: "Pause, resume, restart or terminate an instance",
    body: StatusChange,
    handle: async (request) => {
      const workflow = await workflowOf(request);
      const instanceId = instanceOf(request);
      const { status: action, from, rollback } = request.body;
      const body = {
        ...(action === "restart" && from && { from }),
        ...(action === "terminate" && rollback && { rollback }),
      };
      const path = `/instances/${instanceId}/${action}`;
      await callHome(request.platform, workflow, { method: "POST", path, body, instanceId });
      const instance = await callHome(request.platform, workflow, { method: "GET", path: `/instances/${instanceId}` });
      const { status } = (instance ?? { status: "unknown" }) as { status: string };
      return { status, timestamp: new Date().toISOString() };
    },
  }),
  route<Platform, unknown>({
    method: "POST",
    path: `${one}/events/:type`,
    scope: "edit",
    summary: "Send an event to an instance; the body is its payload",
    body: z.unknown(),
    handle: async (request) => {
      const workflow = await workflowOf(request);
      const instanceId = instanceOf(request);
      const type = request.params.type ?? "";
      if (!EVENT_TYPE.test(type)) throw badEventType(type);
      const body = { type, payload: request.body ?? {} };
      const path = `/instances/${instanceId}/sendEvent`;
      await callHome(request.platform, workflow, { method: "POST", path, body, instanceId });
      return {};
    },
  }),
];

function workflowOf({ platform, accountId, params }: ApiRequest<Platform, unknown>): Promise<NamedWorkflow> {
  return requireWorkflow(platform.db, accountId, params.workflow ?? "");
}

function instanceOf({ params }: ApiRequest<Platform, unknown>): string {
  const id = params.instance ?? "";
  if (!INSTANCE_ID.test(id)) throw badInstanceId(id);
  return id;
}

/** What the engine takes for a new instance. */
function creationOptions({ instance_id, params, instance_retention }: Creation) {
  if (instance_id && !INSTANCE_ID.test(instance_id)) throw badInstanceId(instance_id);
  const { success_retention, error_retention } = instance_retention ?? {};
  return {
    ...(instance_id && { id: instance_id }),
    params: params ?? {},
    retention: {
      ...(success_retention !== undefined && { successRetention: success_retention }),
      ...(error_retention !== undefined && { errorRetention: error_retention }),
    },
  };
}

/** What more is known of an instance that was just created. */
async function found({ platform }: ApiRequest<Platform, unknown>, workflow: NamedWorkflow, id: string) {
  const instance = await callHome(platform, workflow, { method: "GET", path: `/instances/${id}` }).catch(() => null);
  const { status, versionId } = (instance ?? {}) as { status?: string; versionId?: string };
  return { ...(status && { status }), ...(versionId && { version_id: versionId }) };
}
