import { createHmac, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { ApiError } from "../../lib/api.ts";
import { signToken, type TokenClaims, type TokenWish, verifyToken } from "./token.ts";

const KEY = randomBytes(32);
const NOW = 1_800_000_000_000;
const CLAIMS: TokenClaims = { purpose: "upload", accountId: "a1", scriptName: "site", manifest: "m1" };
const WISH: TokenWish = { purpose: "upload", accountId: "a1" };

function refusal(token: string, wish: TokenWish = WISH, now = NOW, key = KEY): string {
  try {
    verifyToken(key, token, wish, now);
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return error.message;
    throw error;
  }
  return "accepted";
}

test("a token comes back as it was signed, as often as it is used", () => {
  const token = signToken(KEY, CLAIMS, NOW, 3600);
  for (let i = 0; i < 2; i++)
    expect(verifyToken(KEY, token, { ...WISH, scriptName: "site" }, NOW + 3_599_000)).toEqual(CLAIMS);
});

test("the client can read when it expires", () => {
  const payload = JSON.parse(Buffer.from(signToken(KEY, CLAIMS, NOW, 3600).split(".")[1] ?? "", "base64").toString());
  expect(payload).toMatchObject({ iat: NOW / 1000, exp: NOW / 1000 + 3600 });
});

test("it is bound to time, use, account, script and key", () => {
  const token = signToken(KEY, CLAIMS, NOW, 3600);
  expect(refusal(token, WISH, NOW + 3_600_000)).toContain("expired");
  expect(refusal(token, { ...WISH, purpose: "completion" })).toContain("not finished");
  expect(refusal(signToken(KEY, { ...CLAIMS, purpose: "completion" }, NOW, 60))).toContain("finished upload");
  expect(refusal(token, { ...WISH, accountId: "a2" })).toContain("another account");
  expect(refusal(token, { ...WISH, scriptName: "other" })).toContain("script site");
  expect(refusal(token, WISH, NOW, randomBytes(32))).toContain("not issued");
});

test("any change of any character is seen", () => {
  const token = signToken(KEY, CLAIMS, NOW, 3600);
  for (let at = 0; at < token.length; at++) {
    const other = token[at] === "A" ? "Q" : "A";
    const changed = token.slice(0, at) + other + token.slice(at + 1);
    // The last character holds two bits that no byte uses.
    if (
      at === token.length - 1 &&
      Buffer.from(changed.split(".")[2] ?? "", "base64url").equals(Buffer.from(token.split(".")[2] ?? "", "base64url"))
    )
      continue;
    expect(refusal(changed), String(at)).not.toBe("accepted");
  }
});

test.each(["", ".", "..", "a.b", "a.b.c.d", "x".repeat(5000), `${"x".repeat(1000)}.${"y".repeat(1000)}.z`])(
  "%.20s is no token",
  (token) => {
    expect(refusal(token)).not.toBe("accepted");
  },
);

test("no other algorithm is believed, however well it is signed", () => {
  for (const alg of ["none", "HS512", "hs256"]) {
    const [, body] = signToken(KEY, CLAIMS, NOW, 3600).split(".");
    const text = `${Buffer.from(JSON.stringify({ alg, typ: "JWT" })).toString("base64url")}.${body}`;
    expect(refusal(`${text}.${createHmac("sha256", KEY).update(text).digest("base64url")}`)).toContain("not issued");
    expect(refusal(`${text}.`)).toContain("not issued");
  }
});
