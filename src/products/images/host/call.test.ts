import { crc32 } from "node:zlib";
import sharp from "sharp";
import { expect, test } from "vitest";
import { failureOf, info, transform } from "./call.ts";

const plain = (width: number, height: number, colour: string) =>
  sharp({ create: { width, height, channels: 3, background: colour } })
    .png()
    .toBuffer();
/** Red on the left, blue on the right. */
const halves = async (width = 80, height = 40) =>
  sharp(await plain(width, height, "#ff0000"))
    .composite([{ input: await plain(width / 2, height, "#0000ff"), left: width / 2, top: 0 }])
    .png()
    .toBuffer();

interface Asked {
  transforms?: object[];
  format?: string;
  more?: Record<string, string>;
  drawn?: Buffer[];
}

async function call(image: Buffer, { transforms = [], format = "image/png", more = {}, drawn = [] }: Asked) {
  const form = new FormData();
  form.append("image", new Blob([new Uint8Array(image)]), "image");
  for (const one of drawn) form.append("draw_image", new Blob([new Uint8Array(one)]), "image");
  form.append("output_format", format);
  for (const [name, value] of Object.entries(more)) form.append(name, value);
  form.append("transforms", JSON.stringify(transforms));
  const { type, bytes } = await transform(form);
  expect(type).toBe(format);
  return bytes;
}

/** Size, and the colours at points given as shares of the sides. */
async function look(bytes: Buffer, ...points: [number, number][]) {
  const { data, info } = await sharp(bytes).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const colours = points.map(([x, y]) => {
    const at = (Math.floor(y * info.height) * info.width + Math.floor(x * info.width)) * info.channels;
    return `#${data.subarray(at, at + 3).toString("hex")}`;
  });
  return [info.width, info.height, ...colours];
}

test.each([
  ["png", "image/png"],
  ["jpeg", "image/jpeg"],
  ["webp", "image/webp"],
  ["gif", "image/gif"],
  ["avif", "image/avif"],
] as const)("tells what a picture is: %s", async (name, format) => {
  const bytes = await sharp(await halves())
    .toFormat(name)
    .toBuffer();
  const form = new FormData();
  form.append("image", new Blob([new Uint8Array(bytes)]), "image");
  const answer = await info(form);
  expect(JSON.parse(answer.bytes.toString())).toEqual({ format, file_size: bytes.length, width: 80, height: 40 });
});

test("tells of an SVG document that it is one", async () => {
  const form = new FormData();
  form.append("image", new Blob(['<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>']), "image");
  expect(JSON.parse((await info(form)).bytes.toString())).toEqual({ format: "image/svg+xml" });
});

test.each([
  ["nothing said: never larger", { width: 200 }, [80, 40]],
  ["scale-down", { width: 20, height: 20, fit: "scale-down" }, [20, 10]],
  ["contain", { width: 160, height: 160, fit: "contain" }, [160, 80]],
  ["cover", { width: 20, height: 20, fit: "cover" }, [20, 20]],
  ["pad", { width: 20, height: 20, fit: "pad" }, [20, 20]],
  ["squeeze", { width: 20, height: 20, fit: "squeeze" }, [20, 20]],
  ["crop: never larger", { width: 100, height: 20, fit: "crop" }, [80, 20]],
  ["null as not said", { width: 40, height: null, fit: null }, [40, 20]],
  ["turned, then sized", { rotate: 90, width: 20 }, [20, 40]],
  ["cut", { trim: { left: 10, top: 5, width: 30, height: 20 } }, [30, 20]],
  ["with a border", { border: { color: "#00ff00", width: 3 } }, [86, 46]],
])("sizes: %s", async (_, step, size) => {
  expect(await look(await call(await halves(), { transforms: [{ imageIndex: 0, ...step }] }))).toEqual(size);
});

test("does one transformation after the other", async () => {
  const cut = { imageIndex: 0, width: 20, height: 40, fit: "cover", gravity: "left" };
  expect(
    await look(await call(await halves(), { transforms: [cut, { imageIndex: 0, rotate: 90 }] }), [0.9, 0.5]),
  ).toEqual([40, 20, "#ff0000"]);
});

test.each([
  ["by name", "right", "#0000ff"],
  ["by a point", { x: 0, y: 0.5 }, "#ff0000"],
])("keeps the part that gravity says: %s", async (_, gravity, colour) => {
  const transforms = [{ imageIndex: 0, width: 10, height: 40, fit: "cover", gravity }];
  expect(await look(await call(await halves(), { transforms }), [0.5, 0.5])).toEqual([10, 40, colour]);
});

test.each([
  ["mirrored", { flip: "h" }, "#0000ff"],
  ["darker", { brightness: 0.5 }, "#800000"],
  ["without contrast", { contrast: 0 }, "#808080"],
])("changes colours: %s", async (_, step, colour) => {
  expect(await look(await call(await halves(), { transforms: [{ imageIndex: 0, ...step }] }), [0.1, 0.5])).toEqual([
    80,
    40,
    colour,
  ]);
});

test("draws one picture on another, changed before", async () => {
  const drawn = [await plain(100, 100, "#00ff00")];
  const transforms = [
    { imageIndex: 1, width: 10 },
    { drawImageIndex: 1, targetImageIndex: 0, right: 2, bottom: 2 },
  ];
  const corners: [number, number][] = [
    [0.1, 0.1],
    [0.9, 0.1],
    [0.95, 0.9],
  ];
  expect(await look(await call(await halves(), { transforms, drawn }), ...corners)).toEqual([
    80,
    40,
    "#ff0000",
    "#0000ff",
    "#00ff00",
  ]);
});

test.each([
  ["larger than the canvas", { left: -10, top: -10 }, "#00ff00"],
  ["half seen through", { opacity: 0.5 }, "#7e8000"],
  ["beside the canvas", { left: 500 }, "#ff0000"],
  ["again and again", { repeat: true, left: 3 }, "#00ff00"],
])("draws: %s", async (_, drawing, colour) => {
  const size = "repeat" in drawing ? 7 : 200;
  const transforms = [{ drawImageIndex: 1, targetImageIndex: 0, ...drawing }];
  const bytes = await call(await halves(), { transforms, drawn: [await plain(size, size, "#00ff00")] });
  expect((await look(bytes, [0.1, 0.5]))[2]).toBe(colour);
});

test("keeps the frames of a moving picture whose size alone is changed", async () => {
  const frames = [await plain(40, 40, "#ff0000"), await plain(40, 40, "#0000ff")];
  const moving = await sharp(frames, { join: { animated: true } })
    .gif()
    .toBuffer();
  const small = await call(moving, { transforms: [{ imageIndex: 0, width: 20 }], format: "image/webp" });
  expect(await sharp(small).metadata()).toMatchObject({ pages: 2, width: 20 });
  const still = await call(moving, { format: "image/webp", more: { anim: "false" } });
  expect((await sharp(still).metadata()).pages ?? 1).toBe(1);
});

test("turns a picture as its orientation says", async () => {
  const sideways = await sharp(await halves())
    .withMetadata({ orientation: 6 })
    .jpeg()
    .toBuffer();
  expect((await look(await call(sideways, {}))).slice(0, 2)).toEqual([40, 80]);
});

test.each<[string, Buffer | undefined, Asked, number, RegExp]>([
  ["bytes that are no picture", Buffer.from("hello"), {}, 9520, /^Unsupported image type/],
  [
    "a document that draws",
    Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'),
    {},
    9520,
    /^Unsupported image type/,
  ],
  ["half a picture", undefined, { more: { half: "yes" } }, 9523, /./],
  ["a format that is not written", undefined, { format: "image/tiff" }, 9520, /^Unsupported output format/],
  [
    "an option that is not there",
    undefined,
    { transforms: [{ imageIndex: 0, segment: "foreground" }] },
    9523,
    /"segment" is not supported/,
  ],
  ["a side that is none", undefined, { transforms: [{ imageIndex: 0, width: -1 }] }, 9523, /width and height/],
  [
    "a picture that was not sent",
    undefined,
    { transforms: [{ drawImageIndex: 1, targetImageIndex: 0 }] },
    9523,
    /not there/,
  ],
  ["a place of the prototype", undefined, { transforms: [{ imageIndex: "__proto__" }] }, 9523, /not there/],
  ["a quality that is none", undefined, { format: "image/webp", more: { output_quality: "1e9" } }, 9523, /^quality/],
  ["text", undefined, { more: { text_input: "{}" } }, 9523, /^text\(\) is not supported/],
  [
    "more transformations than are done",
    undefined,
    { transforms: Array(65).fill({ imageIndex: 0 }) },
    9523,
    /at most 64/,
  ],
])("refuses %s", async (_, image, asked, code, words) => {
  const whole = image ?? (await halves());
  const bytes = asked.more?.half ? whole.subarray(0, whole.length - 40) : whole;
  const failure = failureOf(await call(bytes, asked).catch((error: unknown) => error));
  expect(failure).toMatchObject({ code, message: expect.stringMatching(words) });
});

test("refuses a picture with more pixels than are worked on", async () => {
  const huge = await plain(1, 1, "#000000");
  // The header says 20,000 by 20,000; its checksum is made right.
  huge.writeUInt32BE(20_000, 16);
  huge.writeUInt32BE(20_000, 20);
  huge.writeUInt32BE(crc32(huge.subarray(12, 29)), 29);
  const failure = failureOf(await call(huge, {}).catch((error: unknown) => error));
  expect(failure).toMatchObject({ code: 9402 });
});
