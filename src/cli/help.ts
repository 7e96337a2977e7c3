import { type Command, manual, UsageError } from "./command.ts";

/** Where summaries begin. */
const COLUMN = 48;

/** The command that lists the others, or tells about one. */
export function help(commands: ReadonlyMap<string, () => Promise<Command>>): Command {
  return {
    usage: "help [command]",
    summary: "Lists the commands or tells about one.",
    async run([name], io) {
      if (name) {
        const load = commands.get(name);
        if (!load) throw new UsageError(`There is no command "${name}".`);
        io.out(manual(await load()));
        return 0;
      }
      io.out("Freehold: Workers on machines you own.\n");
      for (const load of commands.values()) {
        const { usage, summary } = await load();
        const line = `  freehold ${usage}`;
        // A usage that is longer than its column has the summary below it.
        io.out(line.length < COLUMN ? line.padEnd(COLUMN) + summary : `${line}\n${" ".repeat(COLUMN)}${summary}`);
      }
      io.out("\nIn a clone, `npm run freehold -- <command>` runs them; `npm start` is `freehold up`.");
      return 0;
    },
  };
}
