import { expect, test } from "vitest";
import { showWorkersUrls } from "./workers-url.ts";

test.each([
  ["  https://hello.dev.localhost:8787/#.workers.dev\n", "  http://hello.dev.localhost:8787\n"],
  [
    "Version Preview URL: https://0a1b2c3d-hello.dev.localhost:8787",
    "Version Preview URL: http://0a1b2c3d-hello.dev.localhost:8787",
  ],
  ["https://a.dev.localhost:8787/path?x#y.", "http://a.dev.localhost:8787/path?x#y."],
  ["\u001b[34mhttps://a.dev.localhost:8787/#.workers.dev\u001b[39m", "\u001b[34mhttp://a.dev.localhost:8787\u001b[39m"],
  ["alias URL: https://main.shop.pages.localhost:8787/#.pages.dev", "alias URL: http://main.shop.pages.localhost:8787"],
  [
    "https://a.dev.localhost:8787/#.workers.dev https://b.dev.localhost:8787/#.workers.dev",
    "http://a.dev.localhost:8787 http://b.dev.localhost:8787",
  ],
  ["https://hello.other.example/#.workers.dev (alias)", "https://hello.other.example (alias)"],
  ["https://hello.other.example/#.workers.dev.evil", "https://hello.other.example/#.workers.dev.evil"],
  ["https://hello.dev.localhost:87870", "https://hello.dev.localhost:87870"],
  ["https://hello.dev.localhost:8787.example", "https://hello.dev.localhost:8787.example"],
  ["https://hello.example.workers.dev", "https://hello.example.workers.dev"],
  ["https://example.com/#about", "https://example.com/#about"],
])("%j is shown as %j", (printed, shown) => {
  expect(showWorkersUrls(printed, "localhost:8787")).toBe(shown);
});

test("on the port of https the scheme stays", () => {
  expect(showWorkersUrls("https://a.dev.example.com/#.workers.dev", "example.com")).toBe("https://a.dev.example.com");
});
