// Images by sharp, which works in threads of its own.

import { availableParallelism } from "node:os";

import { BkError } from "@bk/core";
import type { Sharp, SharpOptions } from "sharp";

import { turnsOf } from "../common/turns.js";
import { type ImageChanges, type ImageEngine, imageType, type MadeImage, mostPixels, refusePixels, wrongImage } from "./image-engine.js";

type MakeSharp = (input: Uint8Array, options: SharpOptions) => Sharp;

const mostSeconds = 5;
/** Images that wait for their turn. */
const mostWaiting = 100;
const mostBytes = 10 * 1024 * 1024;

/** `sharp`, or undefined where it is not installed. */
export async function sharpImages(): Promise<ImageEngine | undefined> {
  try {
    const { default: sharp } = await import("sharp");
    return engineOf(sharp);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}

function engineOf(sharp: MakeSharp): ImageEngine {
  // One processor is left to whoever answers requests.
  const turns = turnsOf(Math.max(1, availableParallelism() - 1), mostWaiting, "too many images wait; try again later");
  return {
    async make(bytes, changes) {
      const type = await imageType(bytes);
      return turns(() => make(sharp, bytes, type, changes));
    },
  };
}

async function make(sharp: MakeSharp, bytes: Uint8Array, from: string, changes: ImageChanges): Promise<MadeImage> {
  const { type = "jpg", rotate = 0 } = changes;
  // Moving pictures are turned frame by frame by nobody; their first one is.
  const moves = (type === "gif" || type === "webp") && rotate === 0;
  const options = { limitInputPixels: mostPixels, failOn: "error", animated: moves } as const;
  try {
    const { width, height, pageHeight = height, pages = 1, format } = await sharp(bytes, options).metadata();
    if (format !== (from === "jpg" ? "jpeg" : from)) throw wrongImage("unknown image: it must be JPEG, PNG, GIF or WebP");
    refusePixels(width, moves ? pageHeight * pages : pageHeight);
    const { data, info } = await changed(sharp(bytes, options), changes)
      .timeout({ seconds: mostSeconds })
      .toBuffer({ resolveWithObject: true });
    if (data.length > mostBytes)
      throw new BkError("too-large", `the image has more than ${mostBytes} bytes; ask for a smaller one`, { detail: { field: "icon" } });
    return { bytes: data, type, width: info.width, height: info.pageHeight ?? info.height };
  } catch (error) {
    if (error instanceof BkError) throw error;
    const message = error instanceof Error ? error.message : "";
    if (/pixel limit/i.test(message)) refusePixels(mostPixels, 2);
    if (/timeout/i.test(message)) throw wrongImage("the image takes too long to be read");
    if (/colou?r/i.test(message) && /parse|unable/i.test(message))
      throw new BkError("invalid", "_bgcolor is no color", { detail: { field: "_bgcolor" } });
    throw wrongImage("the image is damaged");
  }
}

/** Metadata, colour profiles and what else a file may hold are left behind: only pixels go on. */
function changed(image: Sharp, changes: ImageChanges): Sharp {
  const { width = 0, height = 0, rotate = 0, brightness = 0, contrast = 0, background, quality = 80, type = "jpg" } = changes;
  // As the camera was held.
  let made = image.autoOrient();
  if (rotate !== 0) made = made.rotate(rotate, background === undefined ? {} : { background });
  if (width !== 0 || height !== 0)
    made = made.resize({
      ...(width === 0 ? {} : { width: Math.abs(width) }),
      ...(height === 0 ? {} : { height: Math.abs(height) }),
      fit: "cover",
      withoutEnlargement: width < 0 || height < 0,
    });
  if (brightness !== 0) made = made.modulate({ brightness: Math.max(0, 1 + brightness / 100) });
  if (contrast !== 0) made = made.linear(1 + contrast / 100, (-128 * contrast) / 100);
  if (type === "jpg" || background !== undefined) made = made.flatten({ background: background ?? "#fff" });
  switch (type) {
    case "jpg":
      return made.jpeg({ quality });
    case "png":
      return made.png();
    case "gif":
      return made.gif();
    case "webp":
      return made.webp({ quality });
  }
}
