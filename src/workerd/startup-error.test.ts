/** Texts that workerd wrote. More of them, asked of the binary itself, in `products/inspect.test.ts`. */
import { expect, test } from "vitest";
import { startupError } from "./startup-error.ts";

const modules = { format: "modules", mainModule: "index.js" } as const;

const STACK =
  "stack: /opt/freehold/workerd@2bef98d /opt/freehold/workerd@2bbc7d0 /lib/x86_64-linux-gnu/libc.so.6@27249";

test.each([
  ["a report", "service user: Uncaught Error: a\n  at index.js:1:7\n", "Uncaught Error: a\n  at index.js:1:7"],
  [
    "two reports, without notices",
    "service user: No such compatibility flag: a\n" +
      "service user: No such compatibility flag: b\n" +
      "service user: The compatibility flag nodejs_compat became the default as of 2026-08-04 so does not need to be " +
      "specified anymore.\n",
    "No such compatibility flag: a\nNo such compatibility flag: b",
  ],
  [
    "a report among the runtime's own lines",
    "workerd/io/worker.c++:3219: error: Exported actor class as default entrypoint.\n" +
      `service user: Uncaught Error: a\nb\n  at index.js:1:7\nworkerd/jsg/util.c++:320: error: e = x\n${STACK}\n`,
    "Uncaught Error: a\nb\n  at index.js:1:7",
  ],
  [
    "a cause that the runtime hides",
    'workerd/jsg/util.c++:320: error: e = kj/filesystem.c++:57: failed: expected !path.startsWith("/"); ' +
      `expected a relative path, got absolute; path = /x.txt\n${STACK}; sentryErrorContext = jsgInternalError\n` +
      "service user: Uncaught Error: internal error; reference = 886lkrn7oubb9ni0ro602t1s\n",
    "Uncaught Error: expected a relative path, got absolute; path = /x.txt",
  ],
  [
    "a date that has come, but not to this runtime",
    'service user: This Worker requires compatibility date "2026-12-30", but the newest date supported by this server ' +
      'binary is "2026-11-24".\n',
    'This Worker requires compatibility date "2026-12-30", but the newest date this platform\'s runtime supports is ' +
      '"2026-11-24".',
  ],
  [
    "a heap that overflows",
    "\n<--- Last few GCs --->\n\n[12076:0x71067fd2c000] 1031 ms: Mark-Compact (reduce) 127.1 (128.2) -> 127.0\n\n" +
      "workerd/jsg/setup.c++:44: fatal: V8 fatal error; location = CALL_AND_RETRY_LAST; message = : allocation failed: " +
      `JavaScript heap out of memory\n*** Received signal #6: Aborted\n${STACK}\n`,
    "Script startup exceeded memory limit.",
  ],
  ["nothing", "", "The script could not be started."],
  [
    "nothing about the user",
    `*** Received signal #11\n${STACK}\nservice link: broken\n`,
    "The script could not be started.",
  ],
])("%s", (_name, stderr, message) => {
  expect(startupError(stderr, "exit", modules)).toEqual({ code: 10021, message });
});

test("no handlers", () => {
  const stderr = "service user: No event handlers were registered. This script does nothing.\n";
  expect(startupError(stderr, "exit", modules)).toEqual({
    code: 10068,
    message: "The uploaded script has no registered event handlers.",
  });
});

test("ended by us: the reason is ours, but an error that was reported before counts after a time-out", () => {
  expect(startupError("", "cpu", modules).message).toBe("Script startup exceeded CPU time limit.");
  expect(startupError("", "timeout", modules).message).toBe("Script startup did not finish in time.");
  expect(startupError("service user: Uncaught Error: a\n", "timeout", modules).message).toBe("Uncaught Error: a");
});

test("positions in a service-worker script carry its name", () => {
  const stderr =
    "service user: Uncaught SyntaxError: Unexpected end of input in user:1:2\n  at user:4\n  at user:2:21 in f\n" +
    "service user: No event handlers were registered. This script does nothing.\n";
  expect(startupError(stderr, "exit", { format: "service-worker", mainModule: "$&.js" }).message).toBe(
    "Uncaught SyntaxError: Unexpected end of input in user:1:2\n  at $&.js:4\n  at $&.js:2:21 in f",
  );
});

test("a message has an end", () => {
  const { message } = startupError(`service user: Uncaught Error: ${"x".repeat(100_000)}\n`, "exit", modules);
  expect(message).toHaveLength(8001);
});
