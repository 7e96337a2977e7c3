/** `exports_reconciliation` of the answer: all lists, for the client reads each. */
export interface Reconciliation {
  created: string[];
  updated: string[];
  deleted: string[];
  renamed: { from: string; to: string }[];
  transferred: { class: string; to: string; phase: string }[];
  transfer_pending: { class: string; from: string }[];
  warnings: Notice[];
  info: Notice[];
  removable_entries: string[];
}

export interface Notice {
  class: string;
  scenario: string;
  message: string;
  namespace_id?: string;
  referencing_scripts?: string[];
}

/** Nothing was done and nothing is to be said. */
export function noReconciliation(): Reconciliation {
  return {
    ...{ created: [], updated: [], deleted: [], renamed: [], transferred: [], transfer_pending: [] },
    ...{ warnings: [], info: [], removable_entries: [] },
  };
}
