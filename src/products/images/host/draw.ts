import type { Blend, Sharp } from "sharp";
import { imagesCodes } from "../errors.ts";
import { Failure } from "../failure.ts";
import { openRaw } from "./picture.ts";

/** How one picture is drawn on another: `draw()` of the binding. */
export interface Drawing {
  opacity?: number | null;
  repeat?: boolean | "x" | "y" | null;
  composite?: string | null;
  top?: number | null;
  right?: number | null;
  bottom?: number | null;
  left?: number | null;
}

const blends: Record<string, Blend> = { over: "over", in: "in", atop: "atop", out: "out", xor: "xor", lighter: "add" };

/** The canvas with the picture on it; in the middle unless a side is given. What lies outside of the canvas is cut off. */
export async function draw(canvas: Sharp, picture: Sharp, drawing: Drawing): Promise<Sharp> {
  const { opacity, repeat, composite } = drawing;
  const blend = blends[composite ?? "over"];
  if (!blend) throw refused(`composite must be one of ${Object.keys(blends).join(", ")}`);
  if (opacity != null && !(opacity >= 0 && opacity <= 1)) throw refused("opacity must be a number from 0 to 1");
  const below = await pixels(canvas);
  const above = await pixels(picture.ensureAlpha());
  if (opacity != null && opacity < 1) fade(above.data, opacity);
  const [left, width] = along(drawing.left, drawing.right, above.info.width, below.info.width);
  const [top, height] = along(drawing.top, drawing.bottom, above.info.height, below.info.height);
  const steps = (first: number, size: number, room: number, repeats: boolean) =>
    repeats
      ? Array.from({ length: Math.ceil((room - (first % size)) / size) + 1 }, (_, n) => (first % size) + (n - 1) * size)
      : [first];
  const across = steps(left, width, below.info.width, repeat === true || repeat === "x");
  const down = steps(top, height, below.info.height, repeat === true || repeat === "y");
  if (across.length * down.length > MAX_COPIES) throw refused(`a picture is repeated at most ${MAX_COPIES} times`);
  const pieces = across
    .flatMap((x) => down.map((y) => piece(above.info, { x, y }, below.info)))
    .filter((one) => one !== undefined);
  const layers = await Promise.all(
    pieces.map(async ({ cut, left, top }) => {
      const { data, info } = await openRaw(above.data, above.info)
        .extract(cut)
        .raw()
        .toBuffer({ resolveWithObject: true });
      return { input: data, raw: info, left, top, blend };
    }),
  );
  if (layers.length === 0) return openRaw(below.data, below.info);
  const drawn = await pixels(openRaw(below.data, below.info).ensureAlpha().composite(layers));
  const flat = below.info.channels % 2 === 1 && blend !== "in" && blend !== "out" && blend !== "xor";
  const result = openRaw(drawn.data, drawn.info);
  return flat ? openRaw(...(await flatPixels(result))) : result;
}

const MAX_COPIES = 2500;

const pixels = (image: Sharp) => image.raw().toBuffer({ resolveWithObject: true });

async function flatPixels(image: Sharp): Promise<Parameters<typeof openRaw>> {
  const { data, info } = await pixels(image.removeAlpha());
  return [data, info];
}

/** Where it begins on one axis, and its length there. */
function along(before: number | null | undefined, after: number | null | undefined, length: number, room: number) {
  if (before != null && after != null) throw refused("give left or right, top or bottom, and not both");
  const at = before ?? (after == null ? (room - length) / 2 : room - length - after);
  if (!Number.isFinite(at)) throw refused("a position must be a number");
  return [Math.round(at), length] as const;
}

interface Size {
  width: number;
  height: number;
}

/** The part of the picture that lies on the canvas. */
function piece(picture: Size, { x, y }: { x: number; y: number }, canvas: Size) {
  const [left, top] = [Math.max(0, x), Math.max(0, y)];
  const width = Math.min(canvas.width, x + picture.width) - left;
  const height = Math.min(canvas.height, y + picture.height) - top;
  return width > 0 && height > 0 ? { cut: { left: left - x, top: top - y, width, height }, left, top } : undefined;
}

/** Of pixels with transparency, which is the last of their four bytes. */
function fade(pixels: Buffer, opacity: number): void {
  for (let at = 3; at < pixels.length; at += 4) pixels[at] = Math.round((pixels[at] as number) * opacity);
}

function refused(message: string): Failure {
  return new Failure(imagesCodes.failed, `Invalid draw options: ${message}`);
}
