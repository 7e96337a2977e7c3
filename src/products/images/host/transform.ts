import type { ResizeOptions, Sharp } from "sharp";
import { imagesCodes } from "../errors.ts";
import { Failure } from "../failure.ts";
import { MAX_SIDE } from "../limits.ts";
import { openRaw } from "./picture.ts";
import { hasTone, toned } from "./tone.ts";

/** One `transform()` of the binding, as far as it is done here; what is null was not said. */
export interface Transform {
  width?: number | null;
  height?: number | null;
  fit?: string | null;
  gravity?: string | { x?: number; y?: number } | null;
  background?: string | null;
  rotate?: number | null;
  flip?: string | null;
  trim?: "border" | Trim | null;
  border?: Border | null;
  blur?: number | null;
  sharpen?: number | null;
  brightness?: number | null;
  contrast?: number | null;
  gamma?: number | null;
  saturation?: number | null;
}

interface Trim {
  top?: number;
  right?: number;
  bottom?: number;
  left?: number;
  width?: number;
  height?: number;
}

interface Border {
  color?: string;
  width?: number;
  top?: number;
  right?: number;
  bottom?: number;
  left?: number;
}

const known = new Set([
  ...["width", "height", "fit", "gravity", "background", "rotate", "flip", "trim", "border", "blur", "sharpen"],
  ...["brightness", "contrast", "gamma", "saturation"],
]);

const fits: Record<string, ResizeOptions> = {
  "scale-down": { fit: "inside", withoutEnlargement: true },
  contain: { fit: "inside" },
  cover: { fit: "cover" },
  crop: { fit: "cover", withoutEnlargement: true },
  pad: { fit: "contain" },
  squeeze: { fit: "fill" },
};

const positions: Record<string, string> = {
  ...{ left: "left", right: "right", top: "top", bottom: "bottom", center: "centre" },
  ...{ auto: "attention", entropy: "entropy" },
};

/** Throws {@link Failure} when it asks for what is not done here, or makes no sense. */
export function checkTransform(transform: object): asserts transform is Transform {
  for (const [name, value] of Object.entries(transform)) {
    if (value !== null && !known.has(name)) throw refused(`"${name}" is not supported here`);
  }
  const { width, height, fit, gravity, rotate, flip, trim, ...rest } = transform as Transform;
  for (const side of [width, height]) {
    if (side != null && !(Number.isInteger(side) && side > 0 && side <= MAX_SIDE))
      throw refused(`width and height must be whole numbers from 1 to ${MAX_SIDE}`);
  }
  if (fit != null && !Object.hasOwn(fits, fit)) throw refused(`fit must be one of ${Object.keys(fits).join(", ")}`);
  if (typeof gravity === "string" && !Object.hasOwn(positions, gravity)) {
    throw refused(`gravity must be x and y, or one of ${Object.keys(positions).join(", ")}`);
  }
  if (rotate != null && ![0, 90, 180, 270].includes(rotate)) throw refused("rotate must be 0, 90, 180 or 270");
  if (flip != null && !["h", "v", "hv"].includes(flip)) throw refused("flip must be h, v or hv");
  if (trim != null && trim !== "border" && "border" in trim) throw refused('"trim.border" is not supported here');
  for (const name of ["blur", "sharpen", "brightness", "contrast", "gamma", "saturation"] as const) {
    const value = rest[name];
    if (value != null && !(typeof value === "number" && value >= 0 && value <= 250)) {
      throw refused(`${name} must be a number from 0 to 250`);
    }
  }
}

/** The picture with the transformation done to it, in the original's order: cut, turn, resize, colours, border. */
export async function apply(image: Sharp, transform: Transform): Promise<Sharp> {
  const { rotate, flip, width, height, background, blur, sharpen, saturation, border, trim } = transform;
  let result = trim == null ? image : await trimmed(image, trim);
  if (rotate) result = result.rotate(rotate);
  if (flip?.includes("h")) result = result.flop();
  if (flip?.includes("v")) result = result.flip();
  if (width != null || height != null)
    result = await resized(rotate || flip ? await settled(result) : result, transform);
  if (background != null && transform.fit !== "pad") result = result.flatten({ background });
  if (hasTone(transform)) result = await toned(result, transform);
  if (saturation != null && saturation !== 1) result = result.modulate({ saturation });
  // The original's scale: a radius in pixels.
  if (blur) result = result.blur(Math.max(0.3, blur / 2));
  if (sharpen) result = result.sharpen({ sigma: Math.max(0.1, Math.min(10, sharpen)) });
  if (border != null) result = bordered(result, border);
  return settled(result);
}

/** The picture as pixels, so that what comes next is done after what has been asked for. */
export async function settled(image: Sharp): Promise<Sharp> {
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
  return openRaw(data, info);
}

async function sizeOf(image: Sharp): Promise<{ image: Sharp; width: number; height: number }> {
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
  return { image: openRaw(data, info), width: info.width, height: info.height };
}

async function resized(image: Sharp, transform: Transform): Promise<Sharp> {
  const { width, height, gravity, background } = transform;
  const fit = transform.fit ?? "scale-down";
  const box = { ...(width != null && { width }), ...(height != null && { height }) };
  if (gravity != null && typeof gravity === "object" && width != null && height != null && /^(cover|crop)$/.test(fit)) {
    return cutAround(image, { width, height }, gravity, fit === "crop");
  }
  return image.resize({
    ...box,
    ...fits[fit],
    ...(typeof gravity === "string" && fit !== "pad" && { position: positions[gravity] as string }),
    ...(fit === "pad" && { background: background ?? "#ffffff" }),
  });
}

/** Fills the box with the part of the picture that lies at the point, given as shares of the sides. */
async function cutAround(
  image: Sharp,
  box: { width: number; height: number },
  { x = 0.5, y = 0.5 }: { x?: number; y?: number },
  onlySmaller: boolean,
): Promise<Sharp> {
  const whole = await sizeOf(image);
  const scale = Math.max(box.width / whole.width, box.height / whole.height);
  const factor = onlySmaller ? Math.min(1, scale) : scale;
  const width = Math.max(1, Math.round(whole.width * factor));
  const height = Math.max(1, Math.round(whole.height * factor));
  const cut = { width: Math.min(box.width, width), height: Math.min(box.height, height) };
  const at = (share: number, room: number) => Math.round(Math.min(1, Math.max(0, share)) * room);
  return whole.image
    .resize({ width, height, fit: "fill" })
    .extract({ left: at(x, width - cut.width), top: at(y, height - cut.height), ...cut });
}

async function trimmed(image: Sharp, trim: "border" | Trim): Promise<Sharp> {
  if (trim === "border") return settled(image.trim());
  const { image: whole, width, height } = await sizeOf(image);
  const { left = 0, top = 0, right = 0, bottom = 0 } = trim;
  const cut = { left, top, width: trim.width ?? width - left - right, height: trim.height ?? height - top - bottom };
  const fits = cut.left >= 0 && cut.top >= 0 && left + cut.width <= width && top + cut.height <= height;
  if (!Object.values(cut).every(Number.isInteger) || cut.width < 1 || cut.height < 1 || !fits) {
    throw refused(`trim leaves nothing of the image, or reaches out of it (${width} by ${height} pixels)`);
  }
  return settled(whole.extract(cut));
}

function bordered(image: Sharp, border: Border): Sharp {
  const { color = "#000000", width = 0 } = border;
  const sides = { top: width, right: width, bottom: width, left: width, ...border };
  const { top, right, bottom, left } = sides;
  if (![top, right, bottom, left].every((side) => Number.isInteger(side) && side >= 0 && side <= MAX_SIDE)) {
    throw refused("the sides of a border must be whole numbers");
  }
  return image.extend({ top, right, bottom, left, background: color });
}

function refused(message: string): Failure {
  return new Failure(imagesCodes.failed, `Invalid transform: ${message}`);
}
