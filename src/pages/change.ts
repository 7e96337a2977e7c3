import type { ApiRequest } from "../lib/api.ts";
import type { Platform } from "../store/platform.ts";
import { type Change, changeOf } from "../workers/change.ts";
import { scriptOfProject } from "./names.ts";

/** A change of the project that the path names: of the script that serves it. */
export function projectChange(request: ApiRequest<Platform, unknown>): Change {
  return { ...changeOf(request), scriptName: scriptOfProject(request.params.project ?? "") };
}
