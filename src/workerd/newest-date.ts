import { createRequire } from "node:module";

/** The newest compatibility date that the runtime was made for, at most today: what "the latest" means. */
export function newestCompatibilityDate(): string {
  const { compatibilityDate } = createRequire(import.meta.url)("workerd") as { compatibilityDate: string };
  const today = new Date().toISOString().slice(0, 10);
  const [oldest = today] = [compatibilityDate, today].sort();
  return oldest;
}
