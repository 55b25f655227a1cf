// Where a process is stuck, before it is ended for it.

import { Worker } from "node:worker_threads";

const beatMs = 100;

/**
 * Writes the stack of this thread to standard error when its event loop has not turned for `afterMs`.
 *
 * @returns  ends it
 */
export function watchStuck(afterMs: number): () => void {
  const beats = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const timer = setInterval(() => Atomics.add(beats, 0, 1), beatMs).unref();
  const extension = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
  const worker = new Worker(new URL(`./stuck-thread${extension}`, import.meta.url), {
    workerData: { beats: beats.buffer, afterMs },
    resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1 },
  });
  worker.unref();
  // Without it the process serves all the same.
  worker.on("error", () => undefined);
  return () => {
    clearInterval(timer);
    void worker.terminate();
  };
}
