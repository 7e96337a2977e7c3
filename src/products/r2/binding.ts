import { backendBinding } from "../backend-binding.ts";
import { BindingError, bindingKind } from "../kind.ts";

/** What the original answers to a binding to a bucket that the account does not have. */
const BUCKET_NOT_FOUND = 10085;

/** `env.BUCKET`: workerd's own R2 API over HTTP to the services role (`workerd-bindings.md` 4.2). */
export const r2 = bindingKind({
  types: ["r2_bucket"],
  hasProtocol: true,
  schema: (z) =>
    z.object({
      name: z.string(),
      type: z.literal("r2_bucket"),
      bucket_name: z.string(),
      jurisdiction: z.string().nullish(),
      raw: z.boolean().optional(),
    }),
  accept: ({ name, type, bucket_name, jurisdiction }, { r2Bucket }) => {
    if (!r2Bucket(bucket_name)) {
      throw new BindingError(
        `R2 bucket "${bucket_name.slice(0, 80)}" of binding "${name}" not found. \`wrangler r2 bucket list\` shows those there are.`,
        BUCKET_NOT_FOUND,
      );
    }
    return { name, type, bucketName: bucket_name, ...(jurisdiction && { jurisdiction }) };
  },
  describe: ({ name, type, bucketName, jurisdiction }) => ({
    name,
    type,
    bucket_name: bucketName,
    ...(jurisdiction && { jurisdiction }),
  }),
  launch: ({ name }, context) => backendBinding("r2", name, context, (r2Bucket) => ({ name, r2Bucket })),
});
