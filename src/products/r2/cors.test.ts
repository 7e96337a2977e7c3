import { expect, test } from "vitest";
import { matchCors } from "./cors.ts";

test("no text of a rule ends a field", () => {
  const rule = {
    allowed: { origins: ["https://a.example"], methods: ["GET", "GET\r\nX-Method: 1"] },
    exposeHeaders: ["ETag", "x\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK", "*"],
  };
  const fields = matchCors([rule], { origin: "https://a.example", method: "GET", headers: [] });
  expect(fields).toMatchObject({
    "Access-Control-Expose-Headers": "ETag, *",
    "Access-Control-Allow-Methods": "GET",
  });
});
