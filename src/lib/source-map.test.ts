import { describe, expect, test } from "vitest";
import { originalPositions, type Position, readSourceMap, type SourceMap } from "./source-map.ts";

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** [column of the output, source, line, column of the original, name], all counted from 0; of one field: no original. */
type Segment = [number, number, number, number, number?] | [number];

function vlq(value: number): string {
  let rest = value < 0 ? (-value << 1) | 1 : value << 1;
  let text = "";
  do {
    const digit = rest & 31;
    rest >>>= 5;
    text += DIGITS[rest > 0 ? digit | 32 : digit];
  } while (rest > 0);
  return text;
}

function encode(lines: Segment[][]): string {
  const last = [0, 0, 0, 0, 0];
  return lines
    .map((segments) => {
      last[0] = 0;
      const encoded = segments.map((segment) =>
        segment
          .map((value, field) => {
            const text = vlq(value! - last[field]!);
            last[field] = value!;
            return text;
          })
          .join(""),
      );
      return encoded.join(",");
    })
    .join(";");
}

/** The rule itself: the last segment at or before the position. */
function expected(lines: Segment[][], sources: string[], { line, column }: Position) {
  const segment = (lines[line - 1] ?? []).filter(([at]) => at <= column - 1).at(-1);
  if (segment?.[1] === undefined) return undefined;
  return { source: sources[segment[1]], line: segment[2]! + 1, column: segment[3]! + 1 };
}

describe("originalPositions", () => {
  test("finds what the rule says, on random maps", () => {
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff;
      return (seed >> 8) % below;
    };
    const sources = ["src/a.ts", "src/b.ts", "node_modules/c/index.js"];
    for (let round = 0; round < 50; round++) {
      const lines = Array.from({ length: random(12) }, () => {
        let column = random(5);
        return Array.from({ length: random(10) }, (): Segment => {
          column += 1 + random(300);
          const place = [random(3), random(5_000), random(200)] as const;
          return random(8) === 0 ? [column] : random(2) === 0 ? [column, ...place, random(9)] : [column, ...place];
        });
      });
      const map: SourceMap = { sources, mappings: encode(lines) };
      const wanted = Array.from({ length: 40 }, () => ({ line: 1 + random(14), column: 1 + random(1_500) }));
      expect(originalPositions(map, wanted)).toEqual(wanted.map((position) => expected(lines, sources, position)));
    }
  });

  test.each(["A A", "AAAA,", "gggggggggggggggA", "AAg", "é"])("survives the mappings %j", (mappings) => {
    const look = () => originalPositions({ sources: ["a"], mappings }, [{ line: 1, column: 100 }]);
    try {
      look();
    } catch (error) {
      expect(error).toBeInstanceOf(RangeError);
    }
  });

  test("knows no source that the map does not have", () => {
    const map = { sources: ["a"], mappings: encode([[[0, 5, 1, 1]]]) };
    expect(originalPositions(map, [{ line: 1, column: 1 }])).toEqual([undefined]);
  });
});

describe("readSourceMap", () => {
  test("puts the root before the sources", () => {
    const text = JSON.stringify({ version: 3, sourceRoot: "lib/", sources: ["a.ts", null], mappings: "", names: [] });
    expect(readSourceMap(text)).toEqual({ sources: ["lib/a.ts", null], mappings: "" });
    const slip = { version: 3, file: "worker.js", sourceRoot: "worker.js", sources: ["a.ts"], mappings: "" };
    expect(readSourceMap(JSON.stringify(slip))?.sources).toEqual(["a.ts"]);
  });

  test.each(["", "null", "[]", "{}", '{"version":3,"sections":[]}', '{"version":2,"sources":[],"mappings":""}'])(
    "knows that %j is no map",
    (text) => expect(readSourceMap(text)).toBeUndefined(),
  );
});
