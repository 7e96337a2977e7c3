import type { Sharp } from "sharp";
import { openRaw } from "./picture.ts";

interface Tone {
  brightness?: number | null;
  contrast?: number | null;
  gamma?: number | null;
}

/** Whether it changes anything. */
export function hasTone({ brightness, contrast, gamma }: Tone): boolean {
  return [brightness, contrast, gamma].some((factor) => factor != null && factor !== 1);
}

/** Changes each colour of each pixel by itself: factors of brightness, of contrast around the middle, and of exposure. */
export async function toned(image: Sharp, { brightness, contrast, gamma }: Tone): Promise<Sharp> {
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
  const table = new Uint8ClampedArray(256).map((_, value) => {
    const bright = value * (brightness ?? 1);
    const level = Math.min(255, Math.max(0, (bright - 127.5) * (contrast ?? 1) + 127.5));
    return gamma ? 255 * (level / 255) ** (1 / gamma) : level;
  });
  const { channels } = info;
  // The last of two or four is transparency.
  const colours = channels - 1 + (channels % 2);
  for (let pixel = 0; pixel < data.length; pixel += channels) {
    for (let at = pixel; at < pixel + colours; at++) data[at] = table[data[at] as number] as number;
  }
  return openRaw(data, info);
}
