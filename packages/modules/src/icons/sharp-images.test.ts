// The processes that images are made in: ended from outside and from inside, in the middle and by themselves.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";

import sharp from "sharp";
import { afterEach, describe, expect, it, vi } from "vitest";

import type { ImageEngine } from "./image-engine.js";
import { ImageProcess } from "./image-process.js";
import { sharedImages, sharpImages } from "./sharp-images.js";

/** As it is built, with `npm test`; else the sources. */
const isBuilt = process.env["BK_TEST_BUILT"] === "1";
const loading = isBuilt
  ? []
  : ["--conditions=bk-source", `--import=${new URL("../../../../node_modules/tsx/dist/loader.mjs", import.meta.url).href}`];

const open: Required<ImageEngine>[] = [];
const engine = (concurrency = 1): Required<ImageEngine> => {
  const images = sharpImages({ concurrency })!;
  open.push(images);
  return images;
};
afterEach(async () => {
  for (const images of open.splice(0)) await images.close();
});

const picture = (width: number, height: number): Promise<Buffer> =>
  sharp({ create: { width, height, channels: 3, background: "#c40" } })
    .png()
    .toBuffer();
/** One that takes seconds: it can be ended in the middle. */
const slow = await picture(6000, 6000);
const small = await picture(40, 20);
const slowly = { type: "webp" } as const;

/** The processes of images that a process has started. */
function imageProcesses(parent = process.pid): number[] {
  return execFileSync("ps", ["-A", "-o", "ppid=,pid=,args="], { encoding: "utf8" })
    .split("\n")
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .filter((found) => Number(found?.[1]) === parent && /bk-images|serveImages/.test(found![3]!))
    .map((found) => Number(found![2]));
}

const isThere = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};
/** Waits until it is so, however long that takes. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe("images in processes of their own", () => {
  it("are made by one that starts with the first of them, stays, counts less than this one, and ends with close", async () => {
    const images = engine();
    expect(imageProcesses()).toEqual([]);
    expect(await images.make(small, { width: 20 })).toMatchObject({ type: "jpg", width: 20, height: 10 });
    const [pid, ...others] = imageProcesses();
    expect(others).toEqual([]);
    const nice = (of: number): number => Number(execFileSync("ps", ["-o", "nice=", "-p", String(of)], { encoding: "utf8" }));
    expect(nice(pid!)).toBe(Math.min(19, nice(process.pid) + 10));
    const { bytes } = await images.make(small, { type: "png" });
    expect(await sharp(bytes).metadata()).toMatchObject({ format: "png", width: 40, height: 20 });
    expect(imageProcesses()).toEqual([pid]);
    await images.close();
    expect(isThere(pid!)).toBe(false);
    await expect(images.make(small, {})).rejects.toMatchObject({ code: "closed" });
  });

  it("are as many at once as is said, and further ones wait; too many are refused", async () => {
    const images = engine(2);
    const made = await Promise.all(Array.from({ length: 5 }, (_, i) => images.make(small, { width: i + 1 })));
    expect(made.map(({ width }) => width)).toEqual([1, 2, 3, 4, 5]);
    expect(imageProcesses()).toHaveLength(2);
    const many = await Promise.allSettled(Array.from({ length: 104 }, () => images.make(small, {})));
    expect(many.filter(({ status }) => status === "fulfilled")).toHaveLength(102);
    expect(many.filter(({ status }) => status === "rejected")).toMatchObject(Array(2).fill({ reason: { code: "limited" } }));
    expect(() => sharpImages({ concurrency: 0 })).toThrow(expect.objectContaining({ code: "invalid" }));
  });

  it("end when they have had nothing to do for a minute", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const images = engine();
      await images.make(small, {});
      vi.advanceTimersByTime(59_999);
      expect(await images.make(small, {})).toMatchObject({ width: 40 });
      vi.advanceTimersByTime(59_999);
      expect(imageProcesses()).toHaveLength(1);
      vi.advanceTimersByTime(1);
    } finally {
      vi.useRealTimers();
    }
    await until(() => imageProcesses().length === 0);
  });

  it("have the same processes in all modules, until the last one closes them", async () => {
    const [icons, messages] = [sharedImages()!, sharedImages()!];
    await icons.make(small, {});
    const pids = imageProcesses();
    await messages.make(small, {});
    await icons.close();
    await messages.make(small, {});
    expect(imageProcesses()).toEqual(pids);
    await messages.close();
    expect(imageProcesses()).toEqual([]);
    const later = sharedImages()!;
    open.push(later);
    expect(await later.make(small, {})).toMatchObject({ width: 40 });
  });

  it("fail alone when their process is killed, and the next ones have another process", async () => {
    const images = engine();
    await images.make(small, {});
    const [pid] = imageProcesses();
    const [failing, next] = [images.make(slow, slowly), images.make(small, {})];
    process.kill(pid!, "SIGKILL");
    await expect(failing).rejects.toMatchObject({
      code: "unavailable",
      outcome: "none",
      detail: { field: "icon" },
      cause: { code: "SIGKILL" },
    });
    expect(await next).toMatchObject({ width: 40 });
    const [other] = imageProcesses();
    expect(other).not.toBe(pid);
    // While nothing is made, too.
    process.kill(other!, "SIGKILL");
    await until(() => imageProcesses().length === 0);
    expect(await images.make(small, {})).toMatchObject({ width: 40 });
  });

  it("are ended in the middle by close, those that wait too", async () => {
    const images = engine();
    const [made, waiting] = [images.make(slow, slowly), images.make(small, {})].map((image) => image.catch((error: unknown) => error));
    await until(() => imageProcesses().length === 1);
    await images.close();
    expect(await made).toMatchObject({ code: "closed" });
    expect(await waiting).toMatchObject({ code: "closed" });
    expect(imageProcesses()).toEqual([]);
  });

  it("are called off by their signal, whether they wait or are made", async () => {
    const images = engine();
    const [made, waiting, gone] = [new AbortController(), new AbortController(), AbortSignal.abort()];
    const first = images.make(slow, slowly, made.signal).catch((error: unknown) => error);
    const second = images.make(small, {}, waiting.signal).catch((error: unknown) => error);
    const third = images.make(small, { width: 3 });
    await until(() => imageProcesses().length === 1);
    waiting.abort();
    expect(await second).toMatchObject({ code: "cancelled" });
    made.abort();
    expect(await first).toMatchObject({ code: "cancelled" });
    expect(await third).toMatchObject({ width: 3 });
    await expect(images.make(small, {}, gone)).rejects.toMatchObject({ code: "cancelled" });
  });

  it("are held to their limits where they are made, and end where they take too long", async () => {
    const made = async (bytes: Uint8Array, limits: object, format = "png"): Promise<unknown> => {
      const settings = { sharp: createRequire(import.meta.url).resolve("sharp"), mostPixels: 800, mostBytes: 10_000, mostCpuMs: 5_000 };
      const own = new ImageProcess({ ...settings, ...limits });
      const { answer } = await own.make({ format, changes: slowly }, bytes, undefined);
      expect(own.isFree).toBe(JSON.stringify(answer) !== JSON.stringify({ refused: "time" }));
      await own.end();
      return answer;
    };
    expect(await made(small, {})).toEqual({ width: 40, height: 20 });
    expect(await made(small, { mostPixels: 799 })).toEqual({ failed: expect.stringContaining("pixel limit") });
    expect(await made(small, { mostBytes: 10 })).toEqual({ refused: "bytes" });
    expect(await made(small, {}, "gif")).toEqual({ refused: "format" });
    expect(await made(slow, { mostPixels: 40_000_000, mostCpuMs: 50 })).toEqual({ refused: "time" });
    expect(await made(small, { sharp: "/there/is/none.js" })).toEqual({ unusable: expect.stringContaining("Cannot find module") });
  });

  it("outlive what a terminal sends to all", async () => {
    const images = engine();
    await images.make(small, {});
    const [pid] = imageProcesses();
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.kill(pid!, signal);
    expect(await images.make(small, {})).toMatchObject({ width: 40 });
    expect(imageProcesses()).toEqual([pid]);
  });

  it("end with the process that asks for them, which they do not keep", async () => {
    const run = (rest: string): ReturnType<typeof spawn> => {
      const program = `
        const { readFileSync } = await import("node:fs");
        const { sharpImages } = await import(${JSON.stringify(new URL(isBuilt ? "../../dist/icons/index.js" : "index.ts", import.meta.url).href)});
        const images = sharpImages({ concurrency: 1 });
        await images.make(Buffer.from("${small.toString("base64")}", "base64"), {});
        ${rest}`;
      return spawn(process.execPath, [...loading, "--input-type=module", "-e", program], { stdio: ["pipe", "pipe", "inherit"] });
    };
    expect(await once(run(""), "exit")).toEqual([0, null]);
    const killed = run(`
      void images.make(readFileSync(0), { type: "webp" });
      console.log("it works on one");`);
    killed.stdin!.end(slow);
    await once(killed.stdout!, "data");
    const [pid] = imageProcesses(killed.pid);
    killed.kill("SIGKILL");
    await until(() => !isThere(pid!));
  });
});
