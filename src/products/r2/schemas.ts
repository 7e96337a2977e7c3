/** Bodies of the API's calls about buckets, as wrangler and the SDK send them (`wrangler-api.md` 5.3). */
import { z } from "zod";
import { MAX_LIFECYCLE_RULES, MAX_LOCK_RULES, MAX_NOTIFICATION_RULES } from "./limits.ts";
import { notificationActions } from "./settings.ts";

const StorageClass = z.enum(["Standard", "InfrequentAccess"]);
const Id = z.string().min(1).max(255);
const Prefix = z.string().max(1024);
const IsoDate = z.string().refine((text) => !Number.isNaN(Date.parse(text)), "not a date");
const Seconds = z.number().int().min(0);

export const NewBucket = z.object({
  name: z.string(),
  storageClass: StorageClass.nullish(),
  locationHint: z.string().nullish(),
});

/** The SDK sends it in the body, too. */
export const BucketEdit = z.object({ storage_class: StorageClass.nullish() }).nullish();

export const Cors = z.object({
  rules: z
    .array(
      z.object({
        id: z.string().optional(),
        allowed: z.object({
          origins: z.array(z.string()).min(1),
          methods: z.array(z.enum(["GET", "PUT", "POST", "DELETE", "HEAD"])).min(1),
          headers: z.array(z.string()).optional(),
        }),
        exposeHeaders: z.array(z.string()).optional(),
        maxAgeSeconds: Seconds.max(86_400, "at most 86400").optional(),
      }),
    )
    .max(100),
});

const AgeOrDate = z.discriminatedUnion("type", [
  z.object({ type: z.literal("Age"), maxAge: Seconds }),
  z.object({ type: z.literal("Date"), date: IsoDate }),
]);

export const Lifecycle = z.object({
  rules: z
    .array(
      z
        .object({
          id: Id,
          enabled: z.boolean(),
          conditions: z
            .object({ prefix: Prefix.optional() })
            .nullish()
            .transform((conditions) => conditions ?? {}),
          deleteObjectsTransition: z.object({ condition: AgeOrDate }).optional(),
          storageClassTransitions: z
            .array(z.object({ condition: AgeOrDate, storageClass: z.literal("InfrequentAccess") }))
            .optional(),
          abortMultipartUploadsTransition: z.object({ condition: AgeOrDate }).optional(),
        })
        .refine(
          (rule) =>
            rule.deleteObjectsTransition !== undefined ||
            rule.abortMultipartUploadsTransition !== undefined ||
            (rule.storageClassTransitions ?? []).length > 0,
          "a rule needs something to do",
        ),
    )
    .max(MAX_LIFECYCLE_RULES)
    .refine(uniqueIds, "two rules have the same id"),
});

export const Locks = z.object({
  rules: z
    .array(
      z.object({
        id: Id,
        enabled: z.boolean(),
        prefix: Prefix.optional(),
        condition: z.discriminatedUnion("type", [
          z.object({ type: z.literal("Age"), maxAgeSeconds: Seconds.min(1) }),
          z.object({ type: z.literal("Date"), date: IsoDate }),
          z.object({ type: z.literal("Indefinite") }),
        ]),
      }),
    )
    .max(MAX_LOCK_RULES)
    .refine(uniqueIds, "two rules have the same id"),
});

export const Managed = z.object({ enabled: z.boolean() });

const Tls = z.enum(["1.0", "1.1", "1.2", "1.3"]);

export const NewDomain = z.object({
  domain: z.string().min(1).max(253),
  zoneId: z.string().optional(),
  enabled: z.boolean().optional(),
  minTLS: Tls.optional(),
  ciphers: z.array(z.string()).optional(),
});

export const DomainEdit = z.object({
  enabled: z.boolean().optional(),
  minTLS: Tls.optional(),
  ciphers: z.array(z.string()).optional(),
});

export const NotificationRules = z.object({
  rules: z
    .array(
      z.object({
        prefix: Prefix.optional(),
        suffix: Prefix.optional(),
        description: z.string().max(1000).optional(),
        actions: z.array(z.enum(notificationActions)).min(1),
      }),
    )
    .min(1)
    .max(MAX_NOTIFICATION_RULES),
});

export const RuleIds = z.object({ ruleIds: z.array(z.string()).optional() }).nullish();

function uniqueIds(rules: { id: string }[]): boolean {
  return new Set(rules.map(({ id }) => id)).size === rules.length;
}
