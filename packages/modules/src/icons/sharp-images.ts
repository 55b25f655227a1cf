// Images by sharp, which works in processes of its own.

import { createRequire } from "node:module";
import { availableParallelism } from "node:os";

import { BkError } from "@bk/core";

import { turnsOf } from "../common/turns.js";
import { type ImageEngine, imageType, mostPixels, tooManyPixels, wrongImage } from "./image-engine.js";
import { closedImages, ImageProcess } from "./image-process.js";
import type { ImageAnswer, ImageSettings } from "./image-process-code.js";

/** What one image may take of a processor. */
const mostCpuMs = 5000;
/** Images that wait for their turn. */
const mostWaiting = 100;
const mostBytes = 10 * 1024 * 1024;

export interface SharpImagesOptions {
  /** Most images at once, each in a process of its own. Default one less than there are processors, and at least one. */
  readonly concurrency?: number;
}

type ClosableImages = Required<ImageEngine>;

/**
 * Images by `sharp`, in processes of a lower priority than this one. They start when there are images, and end
 * when there have been none for a minute, with `close` and with this process.
 *
 * @returns  undefined where `sharp` is not installed
 * @throws BkError `invalid` for a number that is none
 */
export function sharpImages({ concurrency = Math.max(1, availableParallelism() - 1) }: SharpImagesOptions = {}):
  | ClosableImages
  | undefined {
  if (!Number.isSafeInteger(concurrency) || concurrency < 1)
    throw new BkError("invalid", "concurrency must be an integer, and at least 1", { detail: { field: "concurrency" } });
  const sharp = sharpPlace();
  return sharp === undefined ? undefined : engineOf({ sharp, mostPixels, mostBytes, mostCpuMs }, concurrency);
}

let shared: { readonly images: ClosableImages; users: number } | undefined;

/** The engine of all modules of this process that are given none; it ends with the last one that closes it. Undefined without `sharp`. */
export function sharedImages(): ClosableImages | undefined {
  if (shared === undefined) {
    const images = sharpImages();
    if (images === undefined) return undefined;
    shared = { images, users: 0 };
  }
  const own = shared;
  own.users++;
  return {
    make: own.images.make,
    async close() {
      if (--own.users > 0) return;
      shared = undefined;
      await own.images.close();
    },
  };
}

/** Where `sharp` is, or undefined where it is not installed. */
function sharpPlace(): string | undefined {
  try {
    return createRequire(import.meta.url).resolve("sharp");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}

function engineOf(settings: ImageSettings, concurrency: number): ClosableImages {
  const turns = turnsOf(concurrency, mostWaiting, "too many images wait; try again later");
  const processes = new Set<ImageProcess>();
  let isClosed = false;

  /** One that has nothing to do, or a new one: of those that work there are fewer than turns. */
  function freeProcess(): ImageProcess {
    const free = [...processes].find(({ isFree }) => isFree);
    if (free !== undefined) return free;
    const made = new ImageProcess(settings);
    processes.add(made);
    void made.ended.then(() => processes.delete(made));
    return made;
  }

  return {
    async make(bytes, changes, signal) {
      const from = await imageType(bytes);
      const { answer, bytes: made } = await turns(async () => {
        if (isClosed) throw closedImages();
        return freeProcess().make({ format: from === "jpg" ? "jpeg" : from, changes }, bytes, signal);
      }, signal);
      if ("width" in answer) return { bytes: made, type: changes.type ?? "jpg", width: answer.width, height: answer.height };
      throw refusalOf(answer);
    },
    async close() {
      isClosed = true;
      await Promise.all([...processes].map((each) => each.end()));
    },
  };
}

const refusals = {
  format: () => wrongImage("unknown image: it must be JPEG, PNG, GIF or WebP"),
  pixels: tooManyPixels,
  bytes: () => new BkError("too-large", `the image has more than ${mostBytes} bytes; ask for a smaller one`, { detail: { field: "icon" } }),
  time: () => wrongImage("the image takes too long to be read"),
} as const;

function refusalOf(answer: Exclude<ImageAnswer, { width: number }>): BkError {
  if ("refused" in answer) return refusals[answer.refused]();
  if ("unusable" in answer) return new BkError("driver-missing", `sharp cannot be loaded: ${answer.unusable}`);
  if (/pixel limit/i.test(answer.failed)) return tooManyPixels();
  if (/colou?r/i.test(answer.failed) && /parse|unable/i.test(answer.failed))
    return new BkError("invalid", "_bgcolor is no color", { detail: { field: "_bgcolor" } });
  return wrongImage("the image is damaged");
}
