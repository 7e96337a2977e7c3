/** What a person has to know, or do, when a project becomes a Worker. */

import { scriptOfProject } from "../names.ts";
import type { Words } from "./bindings.ts";
import type { MovedProject, ProjectFiles } from "./project.ts";
import { workerFirst } from "./worker-first.ts";

export interface Told {
  production: Words;
  preview: Words;
  /** The file has an environment for previews. */
  hasPreview: boolean;
  /** The code is compiled from `functions/`. */
  compiled: boolean;
}

/** In the order in which things are done: before the first deploy, after it, and what is different for good. */
export function notesOf(project: MovedProject, files: ProjectFiles, told: Told): string[] {
  return [...before(project, files, told), ...after(project, told), ...different(project, files, told)];
}

function before(project: MovedProject, files: ProjectFiles, { production, preview, compiled }: Told): string[] {
  const notes = [
    `${files.directory} is what is deployed: if a build makes it, keep .assetsignore and _headers where the build takes its files from.`,
  ];
  if (compiled && !files.hasFunctions)
    notes.push("The project has Functions, and here is no functions/: run this in the project's own directory.");
  for (const one of new Set([...production.wordless, ...preview.wordless]))
    notes.push(`Write the binding ${one} into the file by hand.`);
  for (const { queue } of project.consumers)
    notes.push(
      `A queue has one consumer. Before the first deploy: npx wrangler queues consumer remove ${queue} ${scriptOfProject(project.name)}`,
    );
  for (const name of new Set([...production.ownWorkflows, ...preview.ownWorkflows]))
    notes.push(
      `A workflow belongs to one script. Before the first deploy, when its instances have ended: npx wrangler workflows delete ${name}`,
    );
  return notes;
}

function after(project: MovedProject, { production, preview, hasPreview }: Told): string[] {
  const notes = [
    ...production.secrets.map((name) => secretNote(name, hasPreview ? ' --env=""' : "")),
    ...(hasPreview ? preview.secrets.map((name) => secretNote(name, " --env preview")) : []),
  ];
  if (Object.keys(project.ownSettings).length > 0)
    notes.push(
      `Settings that no file has: as soon as the Worker is there, PATCH …/workers/scripts/${project.name}/script-settings with ${JSON.stringify(project.ownSettings)}`,
    );
  const script = scriptOfProject(project.name);
  if (project.classes.some((one) => one.script === script))
    notes.push(
      "The first deploy takes the Durable Objects with their data: the project's own code goes on with them there.",
    );
  for (const { name, zoned, branch } of project.domains) {
    if (branch !== undefined)
      notes.push(`${name} shows the branch "${branch}" and stays with the project: a Worker has no such domains.`);
    else if (!zoned)
      notes.push(
        `${name} stays with the project: a Worker's domain is in a zone. Add one (freehold zone add), and the domain to "routes" of the file.`,
      );
  }
  for (const pattern of project.workerRoutes)
    notes.push(
      `The route ${pattern} leads to ${script} until you give it to the Worker ("routes" of the file, once it is deleted there).`,
    );
  if (project.crons.length > 0) notes.push("Cron triggers run for both until the project is deleted.");
  const kept = project.domains.filter(({ zoned, branch }) => branch !== undefined || !zoned).map(({ name }) => name);
  if (kept.length > 0)
    notes.push(
      `A project with domains cannot be deleted. Take them from it first: DELETE …/pages/projects/${project.name}/domains/<name> for ${kept.join(", ")}`,
    );
  notes.push(`When the Worker answers as you want: npx wrangler pages project delete ${project.name}`);
  return notes;
}

function secretNote(name: string, option: string): string {
  return `Set the secret again, its value is not shown: npx wrangler secret put ${name}${option}`;
}

function different(project: MovedProject, files: ProjectFiles, { compiled }: Told): string[] {
  const notes = ["Other spellings of a page's address are redirected with 307, not 308."];
  if (project.production.rollout)
    notes.push(
      "A deploy takes all requests at once, whatever the project's rollout says: upload with `wrangler versions upload`, then deploy the version with a share or a plan.",
    );
  const nested = files.notFoundPages.filter((path) => path !== "404.html");
  if (nested.length > 0 && !files.notFoundPages.includes("404.html"))
    notes.push(
      `${nested.join(", ")} is no longer shown: without a 404.html at the top every path that is not there shows /index.html.`,
    );
  if (!project.routes) return notes;
  const first = workerFirst(project.routes);
  const everything = project.routes.include.includes("/*") && project.routes.exclude.length === 0;
  if (first === true && !everything)
    notes.push("The rules of _routes.json do not fit into run_worker_first, so every request starts the code.");
  if (first !== true && compiled)
    notes.push("run_worker_first lists the paths of today's Functions: add those of new ones.");
  if (first !== true && !compiled && !project.routes.include.includes("/*"))
    notes.push("Paths that run_worker_first does not list start the code too when no file answers them.");
  return notes;
}
