import { describe, expect, test } from "vitest";
import { AnswerCache } from "./answer-cache.ts";
import { finish } from "./finish.ts";
import { prepare } from "./prepare.ts";
import { ask, hashOf, headerOf, siteOf, targetOf } from "./testing.ts";

const site = siteOf({
  files: ["/file.html", { path: "/big.html", size: 9000 }],
  site: { variants: (hash) => (hash === hashOf("/big.html") ? { br: 1000, gzip: 2000 } : {}) },
});

describe("kept answers", () => {
  const target = (url: string) => targetOf(url);
  const get = { method: "GET", query: "", header: () => undefined };

  test("the same path gives the same answer and the same decision", () => {
    const cache = new AnswerCache(site);
    const answer = cache.get(target("/file"));
    expect(cache.get(target("/file?x"))).toBe(answer);
    expect(finish(site, answer, get)).toBe(finish(site, answer, get));
    expect(finish(site, answer, { ...get, method: "HEAD" })).not.toBe(finish(site, answer, get));
  });

  test("no request changes what another gets", () => {
    const answer = prepare(site, target("/big"));
    const requests = [
      {},
      { authorization: "x" },
      { "accept-encoding": "br" },
      { "if-none-match": "*" },
      { range: "bytes=0-1" },
      { "accept-encoding": "gzip" },
    ];
    for (let round = 0; round < 2; round++) {
      for (const headers of requests as Record<string, string>[]) {
        for (const method of ["GET", "HEAD", "POST"]) {
          const details = { method, query: "", header: (name: string) => headers[name] };
          expect(finish(site, answer, details)).toEqual(ask(site, "/big", headers, method));
        }
      }
    }
  });

  test("paths that show nothing share one answer", () => {
    const cache = new AnswerCache(site);
    expect(cache.get(target("/nope/1"))).toBe(cache.get(target("/nope/2")));
  });

  test("redirects to canonical paths do not", () => {
    const cache = new AnswerCache(
      siteOf({ files: ["/index.html"], site: { notFoundHandling: "single-page-application" } }),
    );
    expect(cache.get(target("//nope/1"))).not.toBe(cache.get(target("//nope/2")));
  });

  test("with header rules they do not", () => {
    const cache = new AnswerCache(siteOf({ files: [], headers: "/a\n  X: 1" }));
    const header = (url: string) => headerOf(finish(cache.site, cache.get(target(url)), get), "x");
    expect([header("/b"), header("/a")]).toEqual([undefined, "1"]);
  });

  test("hosts are told apart when rules name them", () => {
    const cache = new AnswerCache(siteOf({ files: ["/a"], headers: "https://one.com/*\n  X: 1" }));
    const header = (url: string) => headerOf(finish(cache.site, cache.get(target(url)), get), "x");
    expect([header("https://one.com/a"), header("https://two.com/a")]).toEqual(["1", undefined]);
  });

  test("the number kept is bounded, and what is used stays", () => {
    const cache = new AnswerCache(siteOf({ files: ["/a"], redirects: "/r/* /x" }));
    const kept = cache.get(target("/a"));
    for (let i = 0; i < 20_000; i++) {
      cache.get(target(`/r/${i}`));
      if (i % 1000 === 0) expect(cache.get(target("/a"))).toBe(kept);
    }
  });
});
