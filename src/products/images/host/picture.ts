import sharp, { type Metadata, type Sharp } from "sharp";
import { imagesCodes } from "../errors.ts";
import { Failure } from "../failure.ts";
import { MAX_PICTURE_BYTES, MAX_PIXELS } from "../limits.ts";

sharp.cache(false);
sharp.concurrency(1);
// Pictures are tenants' bytes: only decoders of the formats that the binding takes are ever run.
sharp.block({ operation: ["VipsForeignLoad"] });
sharp.unblock({
  operation: [
    "VipsForeignLoadJpegBuffer",
    "VipsForeignLoadPngBuffer",
    "VipsForeignLoadWebpBuffer",
    "VipsForeignLoadNsgifBuffer",
    "VipsForeignLoadHeifBuffer",
  ],
});

/** Media types by the library's names. */
const formats: Record<string, string> = {
  jpeg: "image/jpeg",
  png: "image/png",
  webp: "image/webp",
  gif: "image/gif",
  heif: "image/avif",
};

export interface Described {
  format: string;
  width: number;
  height: number;
}

/** Opens encoded bytes, turned as their orientation says. `animated`: with all frames. */
export function open(bytes: Buffer, animated = false): Sharp {
  return sharp(bytes, { ...options, animated }).autoOrient();
}

/** Opens pixels. */
export function openRaw(data: Buffer, raw: { width: number; height: number; channels: 1 | 2 | 3 | 4 }): Sharp {
  return sharp(data, { ...options, raw });
}

const options = { limitInputPixels: MAX_PIXELS, failOn: "error" } as const;

/** What the bytes are, as a viewer sees them. Throws {@link Failure} when they are no picture that is read. */
export async function describe(bytes: Buffer): Promise<Described> {
  if (bytes.length > MAX_PICTURE_BYTES) {
    throw new Failure(
      imagesCodes.tooLarge,
      `The image is larger than ${MAX_PICTURE_BYTES / 1024 / 1024} MB, the most that is read.`,
    );
  }
  const { format, width, height, autoOrient } = await metadata(bytes);
  const type = formats[format ?? ""];
  if (!type || !width || !height) throw unsupported();
  return { format: type, width: autoOrient?.width ?? width, height: autoOrient?.height ?? height };
}

/** Whether the bytes are an SVG document: it has no size of its own that is told, and nothing is done with it. */
export function isSvg(bytes: Buffer): boolean {
  return /^\uFEFF?\s*(<\?xml[^>]*>\s*)?(<!--[\s\S]*?-->\s*|<!DOCTYPE svg[^>]*>\s*)*<svg[\s>]/i.test(
    bytes.subarray(0, 1024).toString(),
  );
}

async function metadata(bytes: Buffer): Promise<Metadata> {
  try {
    return await sharp(bytes, options).metadata();
  } catch (error) {
    if (error instanceof Error && /pixel limit/.test(error.message)) {
      throw new Failure(imagesCodes.tooLarge, `The image has more than ${MAX_PIXELS / 1e6} megapixels.`);
    }
    throw unsupported();
  }
}

function unsupported(): Failure {
  return new Failure(
    imagesCodes.unsupportedFormat,
    "Unsupported image type, expected one of: JPEG, PNG, WebP, GIF or AVIF",
  );
}
