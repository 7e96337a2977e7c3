/** Name of the disk service that holds the state a runner owns: the runtime keeps objects there. */
export const STATE_SERVICE = "state";
