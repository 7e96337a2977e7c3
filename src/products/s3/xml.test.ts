import { describe, expect, test } from "vitest";
import { seededRandom } from "../../lib/seeded-random.ts";
import { refusalCode } from "./testing.ts";
import { childrenOf, readXml, textOf, xmlDocument } from "./xml.ts";

test("what is written is read again as it was", () => {
  const key = `a<b>&"'c\r\n ü 😀`;
  const text = xmlDocument("List", { Name: "x", Empty: "", Gone: undefined, Contents: [{ Key: key }, { Key: "2" }] });
  expect(text).toMatch(
    /^<\?xml version="1.0" encoding="UTF-8"\?>\n<List xmlns="[^"]+"><Name>x<\/Name><Empty><\/Empty><Contents>/,
  );
  const list = readXml(text);
  expect(list.name).toBe("List");
  expect(childrenOf(list, "Contents").map((one) => childrenOf(one, "Key")[0]?.text)).toEqual([key, "2"]);
  expect([textOf(list, "Empty"), textOf(list, "Gone")]).toEqual(["", undefined]);
});

test("what clients send: prefixes, attributes, comments, CDATA, white space", () => {
  const text = `<?xml version='1.0'?><!-- c --><s3:Delete xmlns:s3="urn:x" a='1'>
    <s3:Object><Key><![CDATA[<a>&]]></Key></s3:Object> <Quiet > true </Quiet><Empty/></s3:Delete>`;
  const root = readXml(text);
  expect(root.children.map(({ name }) => name)).toEqual(["Object", "Quiet", "Empty"]);
  expect(textOf(root, "Quiet")).toBe("true");
  expect(childrenOf(root, "Object")[0]?.children[0]?.text).toBe("<a>&");
});

describe("refused", () => {
  test.each([
    "",
    "text",
    "<a>",
    "<a></b>",
    "<a/><b/>",
    "<a/>text",
    "<a><b></a></b>",
    "<a b=<></a>",
    '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>',
    "<a>&unknown;</a>",
    "<a>&#x110000;</a>",
    "<a>&</a>",
    "<a><!-- </a>",
    "</a>",
    "<a>".repeat(100) + "</a>".repeat(100),
    `<a>${"<b/>".repeat(200_000)}</a>`,
  ])("%.40s", (text) => {
    expect(refusalCode(() => readXml(text))).toBe("MalformedXML");
  });

  test("nonsense, at once", () => {
    const random = seededRandom(11);
    const source = `<?xml?><Delete a="b"><Object><Key>k&amp;</Key></Object><!--x--><![CDATA[y]]></Delete>`;
    for (let round = 0; round < 5000; round++) {
      let text = source;
      for (let change = random(5); change >= 0; change--) {
        const at = random(text.length);
        text = text.slice(0, at) + "<>/&;!-[]\"'= a"[random(14)] + text.slice(at + random(4));
      }
      expect(refusalCode(() => readXml(text))).toMatch(/^(MalformedXML|)$/);
    }
  });
});
