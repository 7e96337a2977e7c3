import { type Command, configOptionsHelp, parseWithConfig, withPlatformHere } from "./command.ts";
import { envLines, readWranglerEnv } from "./wrangler-env.ts";

export const env: Command = {
  usage: "env [--export] [options]",
  summary: "Prints what wrangler needs to talk to this platform.",
  details: `  --export        as shell commands, for: eval "$(freehold env --export)"\n${configOptionsHelp}`,
  async run(args, io) {
    const { config, values } = parseWithConfig(
      args,
      { export: { type: "boolean" } },
      { ...io, env: withPlatformHere(io.env) },
    );
    for (const line of envLines(readWranglerEnv(config), values.export ? "export " : "")) io.out(line);
    return 0;
  },
};
