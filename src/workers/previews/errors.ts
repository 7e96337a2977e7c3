import { ApiError } from "../../lib/api.ts";

const refuse = (status: number, code: number, message: string) => new ApiError(status, { code, message });

/** The client takes it for "make it first". */
export const previewNotFound = (name: string) =>
  refuse(404, 10025, `There is no preview "${name.slice(0, 80)}" of this Worker. \`wrangler preview\` makes one.`);

/** 10222 when it is read, 10032 when it is to be changed: the client tells them apart. */
export const noPreviewDeployment = (name: string, code: 10222 | 10032) =>
  refuse(
    code === 10222 ? 404 : 400,
    code,
    `The preview "${name}" has no such deployment. Deploy to it first with \`wrangler preview\`.`,
  );

export const previewExists = (name: string) =>
  refuse(409, 10026, `There is a preview "${name}" already. Deploy to it, or delete it first.`);

export const workerExists = (name: string) =>
  refuse(409, 10026, `There is a Worker "${name}" already. Deploy to it, or choose another name.`);
