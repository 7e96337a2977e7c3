/** A bucket's CORS rules and lifecycle, as S3 writes them. */
import type { ZodSafeParseResult } from "zod";
import type { BucketSettings, CorsRule, LifecycleCondition, LifecycleRule } from "../r2/settings.ts";
import { xmlAnswer } from "./answer.ts";
import { textBody } from "./body.ts";
import { bucketName, bucketOf, type Call, type Operation } from "./call.ts";
import { notImplemented, S3Error } from "./errors.ts";
import { s3Limits } from "./limits.ts";
import { storageClassName, storageClassNamed } from "./metadata.ts";
import { type Content, childrenOf, readXml, textOf, type XmlElement } from "./xml.ts";

const DAY_SECONDS = 86_400;

export const getBucketCors: Operation = {
  name: "GetBucketCors",
  need: "read-settings",
  run(call) {
    const rules = bucketOf(call).info.settings.cors ?? [];
    if (rules.length === 0) throw new S3Error("NoSuchCORSConfiguration");
    return xmlAnswer("CORSConfiguration", {
      CORSRule: rules.map(({ id, allowed, exposeHeaders, maxAgeSeconds }) => ({
        ID: id,
        AllowedOrigin: allowed.origins,
        AllowedMethod: allowed.methods,
        AllowedHeader: allowed.headers,
        ExposeHeader: exposeHeaders,
        MaxAgeSeconds: maxAgeSeconds,
      })),
    });
  },
};

export const putBucketCors: Operation = {
  name: "PutBucketCors",
  need: "write-settings",
  async run(call) {
    const root = await document(call, "CORSConfiguration", s3Limits.corsBytes);
    const rules = childrenOf(root, "CORSRule").map(corsRule);
    const { Cors } = await import("../r2/schemas.ts");
    check(Cors.safeParse({ rules }));
    return change(call, { cors: rules });
  },
};

export const deleteBucketCors: Operation = {
  name: "DeleteBucketCors",
  need: "write-settings",
  run: (call) => ({ ...change(call, { cors: [] }), status: 204 }),
};

export const getBucketLifecycle: Operation = {
  name: "GetBucketLifecycleConfiguration",
  need: "read-settings",
  run(call) {
    const rules = bucketOf(call).info.settings.lifecycle ?? [];
    if (rules.length === 0) throw new S3Error("NoSuchLifecycleConfiguration");
    return xmlAnswer("LifecycleConfiguration", { Rule: rules.map(shownRule) });
  },
};

export const putBucketLifecycle: Operation = {
  name: "PutBucketLifecycleConfiguration",
  need: "write-settings",
  async run(call) {
    const root = await document(call, "LifecycleConfiguration", s3Limits.lifecycleBytes);
    const rules = childrenOf(root, "Rule").map(lifecycleRule);
    const { Lifecycle } = await import("../r2/schemas.ts");
    check(Lifecycle.safeParse({ rules }));
    return change(call, { lifecycle: rules });
  },
};

export const deleteBucketLifecycle: Operation = {
  name: "DeleteBucketLifecycle",
  need: "write-settings",
  run: (call) => ({ ...change(call, { lifecycle: [] }), status: 204 }),
};

function change({ buckets, accountId, request }: Call, settings: BucketSettings): { status: number } {
  buckets.update(accountId, bucketName(request), { settings });
  return { status: 200 };
}

/** The same limits as the API's. Their library is loaded when it is needed: this process has little use for it else. */
function check(result: ZodSafeParseResult<unknown>): void {
  const [issue] = result.error?.issues ?? [];
  if (issue) throw new S3Error("MalformedXML", `The rules are not valid: ${issue.path.join(".")}: ${issue.message}.`);
}

async function document({ request, caller }: Call, name: string, maxBytes: number): Promise<XmlElement> {
  const root = readXml(await textBody(request, caller, maxBytes));
  if (root.name !== name) throw new S3Error("MalformedXML", `A ${name} was expected.`);
  return root;
}

function corsRule(rule: XmlElement): CorsRule {
  const texts = (name: string) => childrenOf(rule, name).map(({ text }) => text.trim());
  const [id, headers, exposeHeaders, age] = [
    textOf(rule, "ID"),
    texts("AllowedHeader"),
    texts("ExposeHeader"),
    textOf(rule, "MaxAgeSeconds"),
  ];
  return {
    allowed: {
      origins: texts("AllowedOrigin"),
      methods: texts("AllowedMethod"),
      ...(headers.length > 0 && { headers }),
    },
    ...(id && { id }),
    ...(exposeHeaders.length > 0 && { exposeHeaders }),
    ...(age !== undefined && { maxAgeSeconds: wholeNumber("MaxAgeSeconds", age) }),
  };
}

/** What of a rule we know; everything else would be dropped silently. */
const KNOWN_IN_RULE = new Set([
  "ID",
  "Prefix",
  "Filter",
  "Status",
  "Expiration",
  "Transition",
  "AbortIncompleteMultipartUpload",
]);

function lifecycleRule(rule: XmlElement, index: number): LifecycleRule {
  const unknown = rule.children.find(({ name }) => !KNOWN_IN_RULE.has(name));
  if (unknown) throw notImplemented(`${unknown.name} in a lifecycle rule`);
  const [filter] = childrenOf(rule, "Filter");
  const other = filter?.children.find(({ name }) => name !== "Prefix");
  if (other) throw notImplemented(`A lifecycle filter by ${other.name}`);
  const prefix = (filter && textOf(filter, "Prefix")) ?? textOf(rule, "Prefix");
  const [expiration] = childrenOf(rule, "Expiration");
  const [abort] = childrenOf(rule, "AbortIncompleteMultipartUpload");
  const transitions = childrenOf(rule, "Transition").map((transition) => ({
    condition: condition(transition, "Days"),
    storageClass: storageClassNamed(textOf(transition, "StorageClass") ?? ""),
  }));
  return {
    id: textOf(rule, "ID") || `rule-${index + 1}`,
    enabled: textOf(rule, "Status") === "Enabled",
    conditions: prefix === undefined ? {} : { prefix },
    ...(expiration && { deleteObjectsTransition: { condition: condition(expiration, "Days") } }),
    ...(transitions.length > 0 && { storageClassTransitions: transitions }),
    ...(abort && { abortMultipartUploadsTransition: { condition: condition(abort, "DaysAfterInitiation") } }),
  };
}

function condition(element: XmlElement, daysName: string): LifecycleCondition {
  const date = textOf(element, "Date");
  const days = textOf(element, daysName);
  if (date !== undefined) {
    const ms = Date.parse(date);
    if (Number.isNaN(ms)) throw new S3Error("MalformedXML", `The Date ${date.slice(0, 40)} is none.`);
    return { type: "Date", date: new Date(ms).toISOString() };
  }
  if (days === undefined) throw notImplemented(`${element.name} without ${daysName} or Date`);
  return { type: "Age", maxAge: wholeNumber(daysName, days) * DAY_SECONDS };
}

function shownRule(rule: LifecycleRule): Content {
  const { conditions, deleteObjectsTransition, storageClassTransitions = [], abortMultipartUploadsTransition } = rule;
  return {
    ID: rule.id,
    Filter: { Prefix: conditions.prefix ?? "" },
    Status: rule.enabled ? "Enabled" : "Disabled",
    Expiration: deleteObjectsTransition && shownCondition(deleteObjectsTransition.condition, "Days"),
    Transition: storageClassTransitions.map((one) => ({
      ...shownCondition(one.condition, "Days"),
      StorageClass: storageClassName(one.storageClass),
    })),
    AbortIncompleteMultipartUpload:
      abortMultipartUploadsTransition &&
      shownCondition(abortMultipartUploadsTransition.condition, "DaysAfterInitiation"),
  };
}

function shownCondition(condition: LifecycleCondition, daysName: string): Record<string, string | number> {
  if (condition.type === "Date") return { Date: condition.date };
  return { [daysName]: Math.ceil(condition.maxAge / DAY_SECONDS) };
}

function wholeNumber(name: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new S3Error("MalformedXML", `${name} must be a whole number.`);
  return Number(text);
}
