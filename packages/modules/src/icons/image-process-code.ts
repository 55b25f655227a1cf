// What runs in a process of images, one image after another. The process is made from the text of these functions, so that
// bundles need no file for it.

import type { Readable, Writable } from "node:stream";

import type { Sharp, SharpOptions } from "sharp";

import type { ImageChanges } from "./image-engine.js";

export interface ImageSettings {
  /** Where `sharp` is. */
  readonly sharp: string;
  /** Most pixels of an image. */
  readonly mostPixels: number;
  /** Most bytes of what is made. */
  readonly mostBytes: number;
  /** Milliseconds of a processor that one image may take. */
  readonly mostCpuMs: number;
}

/** What is to be made of the bytes that come with it. */
export interface ImageOrder {
  /** What `sharp` must take it for. */
  readonly format: string;
  readonly changes: ImageChanges;
}

/**
 * What became of an image:
 * - `width` and `height` of the one whose bytes come with it;
 * - `refused`: it has another format, or is over a limit; over that of the time it is still worked on;
 * - `failed`: what `sharp` says;
 * - `unusable`: why `sharp` cannot be loaded.
 */
export type ImageAnswer =
  | { readonly width: number; readonly height: number }
  | { readonly refused: "format" | "pixels" | "bytes" | "time" }
  | { readonly failed: string }
  | { readonly unusable: string };

type MakeSharp = ((input: Uint8Array, options: SharpOptions) => Sharp) & {
  concurrency(threads: number): void;
  cache(isKept: boolean): void;
};

/** The program of a process. */
export function imageProcessText(settings: ImageSettings): string {
  return `(${serveImages.toString()})(${openFrames.toString()}, ${JSON.stringify(settings)});`;
}

/**
 * Frames over two pipes: the lengths of a head, which is JSON, and of bytes, four bytes each, then both. One at a time: the next one
 * is sent when this one is answered. It stands alone, as `serveImages` does.
 *
 * @param mostBytes  a longer frame, or what is none, ends the input with an error
 * @returns  sends a frame; its bytes are not copied
 */
export function openFrames(
  input: Readable,
  output: Writable,
  mostBytes: number,
  onFrame: (head: unknown, bytes: Uint8Array) => void,
): (head: unknown, bytes?: Uint8Array) => void {
  let chunks: Buffer[] = [];
  let length = 0;
  let lengths: readonly [head: number, whole: number] | undefined;
  input.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    length += chunk.length;
    if (lengths === undefined && length >= 8) {
      const start = Buffer.concat(chunks);
      chunks = [start];
      const head = start.readUInt32LE(0);
      lengths = [head, 8 + head + start.readUInt32LE(4)];
    }
    if (lengths === undefined) return;
    const [head, whole] = lengths;
    if (whole > mostBytes) input.destroy(new Error(`a frame of ${whole} bytes`));
    if (length < whole || whole > mostBytes) return;
    const frame = Buffer.concat(chunks);
    chunks = [];
    length = 0;
    lengths = undefined;
    try {
      onFrame(JSON.parse(frame.toString("utf8", 8, 8 + head)), frame.subarray(8 + head, whole));
    } catch (error) {
      input.destroy(error as Error);
    }
  });
  return (head, bytes = new Uint8Array()) => {
    const text = Buffer.from(JSON.stringify(head));
    const start = Buffer.alloc(8);
    start.writeUInt32LE(text.length, 0);
    start.writeUInt32LE(bytes.length, 4);
    output.write(Buffer.concat([start, text]));
    if (bytes.length > 0) output.write(bytes);
  };
}

/**
 * Stands alone: it may name nothing of this file or its imports but types; what it needs of them it is given. Its own
 * functions are members, since compilers that keep the names of others wrap them in a function of theirs.
 */
function serveImages(open: typeof openFrames, { sharp: place, mostPixels, mostBytes, mostCpuMs }: ImageSettings): void {
  const { stdin, stdout, platform } = process;
  const { createRequire } = process.getBuiltinModule("node:module");
  const { writeFileSync } = process.getBuiltinModule("node:fs");

  const own = {
    sharp: undefined as MakeSharp | undefined,

    load(): MakeSharp {
      if (own.sharp === undefined) {
        own.sharp = createRequire(place)(place) as MakeSharp;
        // Each image has one thread, and is never seen again.
        own.sharp.concurrency(1);
        own.sharp.cache(false);
      }
      return own.sharp;
    },

    async answer({ format, changes }: ImageOrder, bytes: Uint8Array): Promise<void> {
      let sharp: MakeSharp;
      try {
        sharp = own.load();
      } catch (error) {
        return send({ unusable: (error as Error).message } satisfies ImageAnswer);
      }
      // The time is that of the processor: the clock's says how busy others are, whom this process lets go first.
      const since = process.cpuUsage();
      let isOver = false;
      const timer = setInterval(() => {
        const { user, system } = process.cpuUsage(since);
        if ((user + system) / 1000 < mostCpuMs || isOver) return;
        isOver = true;
        send({ refused: "time" } satisfies ImageAnswer);
      }, 100);
      let made: readonly [ImageAnswer, Uint8Array?];
      try {
        made = await own.make(sharp, format, changes, bytes);
      } catch (error) {
        made = [{ failed: (error as Error).message }];
      }
      clearInterval(timer);
      if (!isOver) send(...made);
    },

    async make(sharp: MakeSharp, wanted: string, changes: ImageChanges, bytes: Uint8Array): Promise<readonly [ImageAnswer, Uint8Array?]> {
      const { type = "jpg", rotate = 0 } = changes;
      // Moving pictures are turned frame by frame by nobody; their first one is.
      const moves = (type === "gif" || type === "webp") && rotate === 0;
      const options = { limitInputPixels: mostPixels, failOn: "error", animated: moves } as const;
      const { width, height, pageHeight = height, pages = 1, format } = await sharp(bytes, options).metadata();
      if (format !== wanted) return [{ refused: "format" }];
      if (width * (moves ? pageHeight * pages : pageHeight) > mostPixels) return [{ refused: "pixels" }];
      const { data, info } = await own.changed(sharp(bytes, options), changes).toBuffer({ resolveWithObject: true });
      if (data.length > mostBytes) return [{ refused: "bytes" }];
      return [{ width: info.width, height: info.pageHeight ?? info.height }, data];
    },

    /** Metadata, colour profiles and what else a file may hold are left behind: only pixels go on. */
    changed(image: Sharp, changes: ImageChanges): Sharp {
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
    },

    /** Whatever is worked on: threads would be waited for. */
    end(): void {
      process.kill(process.pid, "SIGKILL");
    },
  };

  process.title = "bk-images";
  if (platform === "linux") {
    try {
      // Where memory is short this process goes, and not the server.
      writeFileSync("/proc/self/oom_score_adj", "1000");
    } catch {
      // A system that has it otherwise decides by itself.
    }
  }
  // A terminal and a supervisor send these to all processes of a server, which still answers then. Its end is that of the pipe.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
  for (const event of ["end", "close", "error"] as const) stdin.on(event, () => own.end());
  stdout.on("error", () => own.end());
  const send = open(stdin, stdout, Infinity, (head, bytes) => void own.answer(head as ImageOrder, bytes));
}
