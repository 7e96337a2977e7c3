import type { Sharp } from "sharp";
import { imagesCodes } from "../errors.ts";
import { Failure } from "../failure.ts";
import { MAX_PICTURES, MAX_SIDE, MAX_TRANSFORMS } from "../limits.ts";
import { type Drawing, draw } from "./draw.ts";
import { describe, isSvg, open } from "./picture.ts";
import { apply, checkTransform } from "./transform.ts";

/** A step of a call as the runtime writes it: to one picture of the form, or drawing one on another. */
type Step = ({ imageIndex: number } | { drawImageIndex: number; targetImageIndex: number }) & Record<string, unknown>;

const writers: Record<string, (image: Sharp, quality: number) => Sharp> = {
  "image/jpeg": (image, quality) => image.flatten({ background: "#ffffff" }).jpeg({ quality }),
  "image/png": (image) => image.png(),
  "image/webp": (image, quality) => image.webp({ quality }),
  "image/gif": (image) => image.gif(),
  "image/avif": (image, quality) => image.avif({ quality, effort: 2 }),
};

const moving = /gif|webp/;

/** The original's. */
const DEFAULT_QUALITY = 85;

/** What a call is answered with, and its media type. */
export interface Answer {
  type: string;
  bytes: Buffer;
}

/** `info()`: JSON. */
export async function info(form: FormData): Promise<Answer> {
  const bytes = await bytesOf(form.get("image"));
  if (isSvg(bytes)) return json({ format: "image/svg+xml" });
  const { format, width, height } = await describe(bytes);
  return json({ format, file_size: bytes.length, width, height });
}

function json(value: object): Answer {
  return { type: "application/json", bytes: Buffer.from(JSON.stringify(value)) };
}

/** `input().transform().draw().output()`: a picture of the media type that the form names as `output_format`. */
export async function transform(form: FormData): Promise<Answer> {
  if (form.has("text_input") || form.has("draw_text")) throw failed("text() is not supported here");
  const steps = stepsOf(form);
  const format = String(form.get("output_format"));
  const write = writers[format];
  if (!write) {
    throw new Failure(
      imagesCodes.unsupportedFormat,
      `Unsupported output format, expected one of: ${Object.keys(writers).join(", ")}`,
    );
  }
  const drawn = form.getAll("draw_image");
  if (drawn.length >= MAX_PICTURES) throw failed(`at most ${MAX_PICTURES - 1} pictures can be drawn in one call`);
  const canvas = await bytesOf(form.get("image"));
  const { format: kind } = await describe(canvas);
  const moves = moving.test(kind) && moving.test(format) && form.get("anim") !== "false" && keepsFrames(steps);
  const pictures = [open(canvas, moves)];
  for (const one of drawn) {
    const bytes = await bytesOf(one);
    await describe(bytes);
    pictures.push(open(bytes));
  }
  if (!moves) await run(steps, pictures);
  const [step] = steps;
  let [result] = pictures as [Sharp];
  if (moves && step) result = sized(result, step);
  const background = form.get("background");
  if (typeof background === "string") result = result.flatten({ background });
  const quality = qualityOf(form.get("output_quality"));
  return { type: format, bytes: await write(result, quality).toBuffer() };
}

async function run(steps: Step[], pictures: Sharp[]): Promise<void> {
  const picture = (index: unknown): Sharp => {
    const found = typeof index === "number" ? pictures[index] : undefined;
    if (!found) throw failed("a transform names an image that is not there");
    return found;
  };
  for (const step of steps) {
    if ("drawImageIndex" in step) {
      const { drawImageIndex, targetImageIndex, ...drawing } = step;
      const target = targetImageIndex as number;
      pictures[target] = await draw(picture(target), picture(drawImageIndex), drawing as Drawing);
    } else {
      const { imageIndex, ...wanted } = step;
      checkTransform(wanted);
      pictures[imageIndex as number] = await apply(picture(imageIndex), wanted);
    }
  }
}

/** Frames are kept where the size alone is changed, once, within the picture's proportions. */
function keepsFrames(steps: Step[]): boolean {
  const said = steps.flatMap((step) => Object.entries(step)).filter(([, value]) => value !== null);
  return (
    steps.length <= 1 &&
    said.every(
      ([name, value]) =>
        /^(width|height)$/.test(name) ||
        (name === "imageIndex" && value === 0) ||
        (name === "fit" && /^(scale-down|contain)$/.test(String(value))),
    )
  );
}

function sized(image: Sharp, { imageIndex: _, ...step }: Step): Sharp {
  checkTransform(step);
  const { width, height, fit } = step;
  const box = { ...(width != null && { width }), ...(height != null && { height }) };
  return image.resize({ ...box, fit: "inside", withoutEnlargement: fit !== "contain" });
}

function stepsOf(form: FormData): Step[] {
  let steps: unknown;
  try {
    steps = JSON.parse(String(form.get("transforms") ?? "[]"));
  } catch {
    steps = undefined;
  }
  const valid = Array.isArray(steps) && steps.every((step) => typeof step === "object" && step !== null);
  if (!valid) throw failed("expected a list of transforms");
  if ((steps as Step[]).length > MAX_TRANSFORMS)
    throw failed(`at most ${MAX_TRANSFORMS} transforms can be done in one call`);
  return steps as Step[];
}

function qualityOf(given: unknown): number {
  if (given === null) return DEFAULT_QUALITY;
  const quality = Number(given);
  if (!(quality >= 1 && quality <= 100)) throw failed("quality must be a number from 1 to 100");
  return Math.round(quality);
}

async function bytesOf(part: ReturnType<FormData["get"]>): Promise<Buffer> {
  if (part === null || typeof part === "string") throw failed("the call has no image");
  return Buffer.from(await part.arrayBuffer());
}

/** The library's own words, for what it finds only while it works. */
export function failureOf(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const message = error instanceof Error ? error.message : String(error);
  // "Initialization problem" is what the AVIF encoder says without memory.
  if (/pixel limit|too large|exceeds|out of memory|memory allocation|initialization problem/i.test(message)) {
    const words = `The image, or what would come of it, is too large: sides up to ${MAX_SIDE} pixels, and the memory of one process`;
    return new Failure(imagesCodes.tooLarge, words);
  }
  return failed(message.split("\n")[0]?.slice(0, 200) ?? "");
}

function failed(message: string): Failure {
  return new Failure(imagesCodes.failed, message);
}
