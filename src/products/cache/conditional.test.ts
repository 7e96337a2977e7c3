import { expect, test } from "vitest";
import { type Conditions, select } from "./conditional.ts";

const DATE = "Sun, 22 Nov 2026 12:00:00 GMT";
const LATER = "Sun, 22 Nov 2026 12:00:01 GMT";
const EARLIER = "Sun, 22 Nov 2026 11:59:59 GMT";
const entry = { status: 200, etag: '"a"', lastModified: DATE, size: 10 };

const table: [Partial<typeof entry>, Partial<Conditions>, unknown][] = [
  [{}, {}, "whole"],
  [{}, { ifNoneMatch: '"a"' }, "not-modified"],
  [{}, { ifNoneMatch: 'W/"a"' }, "not-modified"],
  [{ etag: 'W/"a"' }, { ifNoneMatch: '"a"' }, "not-modified"],
  [{}, { ifNoneMatch: '"x", "a"' }, "not-modified"],
  [{}, { ifNoneMatch: "*" }, "not-modified"],
  [{}, { ifNoneMatch: '"b"' }, "whole"],
  [{}, { ifNoneMatch: "a" }, "whole"],
  [{ etag: "" }, { ifNoneMatch: '""' }, "whole"],
  [{}, { ifNoneMatch: '"b"', ifModifiedSince: LATER }, "whole"],
  [{}, { ifModifiedSince: DATE }, "not-modified"],
  [{}, { ifModifiedSince: LATER }, "not-modified"],
  [{}, { ifModifiedSince: EARLIER }, "whole"],
  [{}, { ifModifiedSince: "yesterday" }, "whole"],
  [{ lastModified: "" }, { ifModifiedSince: LATER }, "whole"],
  [{ status: 404 }, { ifNoneMatch: '"a"', range: "bytes=0-1" }, "whole"],
  [{}, { range: "bytes=0-1" }, [0, 2]],
  [{}, { range: "bytes=8-" }, [8, 2]],
  [{}, { range: "bytes=8-99" }, [8, 2]],
  [{}, { range: "bytes=-3" }, [7, 3]],
  [{}, { range: "bytes=10-" }, "unsatisfiable"],
  [{ size: 0 }, { range: "bytes=-1" }, "unsatisfiable"],
  [{}, { range: "bytes=0-1,3-4" }, "whole"],
  [{}, { range: "lines=0-1" }, "whole"],
  [{}, { range: "bytes=0-1", ifRange: '"a"' }, [0, 2]],
  [{}, { range: "bytes=0-1", ifRange: '"b"' }, "whole"],
  [{ etag: 'W/"a"' }, { range: "bytes=0-1", ifRange: 'W/"a"' }, "whole"],
  [{}, { range: "bytes=0-1", ifRange: DATE }, [0, 2]],
  [{}, { range: "bytes=0-1", ifRange: LATER }, "whole"],
  [{}, { range: "bytes=0-1", ifNoneMatch: '"a"' }, "not-modified"],
];

test.each(table)("%j asked with %j: %j", (parts, asked, expected) => {
  const none = { range: undefined, ifRange: undefined, ifNoneMatch: undefined, ifModifiedSince: undefined };
  const selection = select({ ...entry, ...parts }, { ...none, ...asked });
  expect(selection.kind === "part" ? [selection.offset, selection.length] : selection.kind).toEqual(expected);
});
