// @ts-check
/** Stands in for a worker loader while code is inspected: same methods, and as at start-up no work is allowed. */
function refuse() {
  throw new Error("Disallowed operation called within global scope.");
}

class WorkerLoader {
  get() {
    refuse();
  }
  load() {
    refuse();
  }
}

export default () => new WorkerLoader();
