/** A runner that does not report its invocations although somebody wants to know of them, and goes on serving. */
export interface SilentRunner {
  accountId: string;
  script: string;
  versionId: string;
  /** Why no other has taken its place. */
  why: string;
  /** ISO time. */
  since: string;
}
