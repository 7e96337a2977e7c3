/** One Ctrl-C can arrive more than once (terminal, npm, launcher): what comes within this time is the same one. */
const SAME_SIGNAL_MS = 500;

/** Calls `first` on the first stop signal, `second` on the next. */
export function onSignals(first: () => void, second: () => void, target: NodeJS.EventEmitter = process) {
  let firstAt: number | undefined;
  const handler = () => {
    const now = performance.now();
    if (firstAt === undefined) {
      firstAt = now;
      first();
    } else if (now - firstAt > SAME_SIGNAL_MS) {
      second();
    }
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) target.on(signal, handler);
  return {
    dispose() {
      for (const signal of signals) target.off(signal, handler);
    },
  };
}
