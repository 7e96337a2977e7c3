import { once } from "node:events";
import { startSupervisor } from "../supervisor/index.ts";
import { announce } from "./announce.ts";
import { type Command, configOptionsHelp, parseWithConfig } from "./command.ts";
import { closeInheritedFiles } from "./inherited-files.ts";
import { onSignals } from "./signals.ts";

export const up: Command = {
  usage: "up [options]",
  summary: "Runs the platform until it is told to stop.",
  details: `${configOptionsHelp}

Ctrl-C or SIGTERM stops it after the requests in flight; a second one stops it at once.`,
  async run(args, io) {
    const { config } = parseWithConfig(args, {}, io);
    // What we and our processes make is for this user alone, wherever the data directory is.
    process.umask(0o077);
    closeInheritedFiles();
    const stopRequested = new AbortController();
    const signals = onSignals(
      () => stopRequested.abort(),
      // The other processes end when their channel to this one breaks.
      () => process.exit(1),
    );
    try {
      const supervisor = await startSupervisor(config);
      if (!stopRequested.signal.aborted) {
        for (const line of await announce(config, await supervisor.status())) io.out(line);
        await Promise.race([supervisor.closed, aborted(stopRequested.signal)]);
      }
      if (stopRequested.signal.aborted)
        io.err("Stopping; requests in flight are finished first. Once more to stop at once.");
      await supervisor.stop();
      return stopRequested.signal.aborted ? 0 : 1;
    } finally {
      signals.dispose();
    }
  },
};

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, "abort");
}
