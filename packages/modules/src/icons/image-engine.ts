// What makes stored images out of uploaded ones: checks them, and scales them where it can.

import { BkError } from "@bk/core";
import { fileTypeFromBuffer } from "file-type";

import { imageSize, type ImageType } from "./image-size.js";

export type { ImageType } from "./image-size.js";

/** What is to be done to an image. */
export interface ImageChanges {
  /** Pixels; 0 or absent: as it is; below 0: at most so many, never enlarged. One of both keeps the proportions; with both the middle is cut out. */
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  /** Degrees, clockwise. */
  readonly rotate?: number | undefined;
  /** 1 to 100; default 80. */
  readonly quality?: number | undefined;
  /** Percent, −100 to 100. */
  readonly brightness?: number | undefined;
  readonly contrast?: number | undefined;
  /** Behind transparent and turned images, such as `#fff`. */
  readonly background?: string | undefined;
  /** Default `jpg`. */
  readonly type?: ImageType | undefined;
}

export interface MadeImage {
  readonly bytes: Uint8Array;
  readonly type: ImageType;
  readonly width: number;
  readonly height: number;
  /** What could not be done, for people. */
  readonly warning?: string;
}

export interface ImageEngine {
  /**
   * Checks an image and makes another one of it.
   *
   * @param bytes  of a JPEG, PNG, GIF or WebP file; they stay as they are until it is made
   * @throws BkError `invalid` for what is no such image, damaged, or too costly; `too-large` for too many pixels or bytes; `limited` when
   *   too many images wait; `unavailable` when it cannot work now; `cancelled` when the signal aborts; `closed`
   */
  make(bytes: Uint8Array, changes: ImageChanges, signal?: AbortSignal): Promise<MadeImage>;
  /** Ends what it works with, and with it what it is working on. */
  close?(): Promise<void>;
}

/** Most pixels of an uploaded image. */
export const mostPixels = 40_000_000;

const typesOf: Readonly<Record<string, ImageType>> = {
  "image/jpeg": "jpg",
  "image/png": "png",
  "image/apng": "png",
  "image/gif": "gif",
  "image/webp": "webp",
};

/** Names that clients have for these types. */
const sameAs: Readonly<Record<string, string>> = { "image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/x-png": "image/png" };

export const mediaTypes: Readonly<Record<ImageType, string>> = {
  jpg: "image/jpeg",
  png: "image/png",
  gif: "image/gif",
  webp: "image/webp",
};

export const wrongImage = (message: string): BkError => new BkError("invalid", message, { detail: { field: "icon" } });

/**
 * The type of an image by its first bytes.
 *
 * @param claimed  the media type that the client says, if any; another one than it has is refused, for whoever keeps it might believe it
 * @throws BkError `invalid` for every other type, SVG too
 */
export async function imageType(bytes: Uint8Array, claimed?: string): Promise<ImageType> {
  const mime = (await fileTypeFromBuffer(bytes))?.mime ?? "";
  const type = Object.hasOwn(typesOf, mime) ? typesOf[mime] : undefined;
  if (type === undefined) throw wrongImage("unknown image: it must be JPEG, PNG, GIF or WebP");
  const said = claimed?.split(";", 1)[0]!.trim().toLowerCase() ?? "";
  const isOpen = said === "" || said === "application/octet-stream";
  if (!isOpen && typesOf[sameAs[said] ?? said] !== type)
    throw wrongImage(`the image is not of the type ${said.slice(0, 50)} that it is said to be`);
  return type;
}

export const tooManyPixels = (): BkError =>
  new BkError("too-large", `the image has more than ${mostPixels} pixels`, { detail: { field: "icon" } });

/** Keeps images as they are, once they are known to be some: for where `sharp` is not installed. */
export function plainImages(): ImageEngine {
  return {
    async make(bytes, { type: wanted, ...changes }) {
      const type = await imageType(bytes);
      const size = imageSize(bytes, type);
      if (size === undefined) throw wrongImage("the image is damaged");
      if (size.width * size.height > mostPixels) throw tooManyPixels();
      const isChanged = (wanted ?? "jpg") !== type || Object.values(changes).some((value) => value !== undefined && value !== 0);
      return { bytes, type, ...size, ...(isChanged ? { warning: "images are kept as they are: sharp is not installed" } : {}) };
    },
  };
}
