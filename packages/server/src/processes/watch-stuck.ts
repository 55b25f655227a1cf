// Where a process is stuck, before it is ended for it: a thread of its own watches the main one. The thread is made from the text of a
// function, so that bundles need no file for it; it has no names within, as loaders put helpers around those.

import type * as fs from "node:fs";
import type * as inspector from "node:inspector";
import type * as threads from "node:worker_threads";
import { Worker } from "node:worker_threads";

const beatMs = 100;

/** Longer than a process that was left by its parent takes to end by itself. */
const orphanMs = 4500;

/**
 * Writes the stack of this thread to standard error when its event loop has not turned for `afterMs`, and ends the process when its parent has been gone
 * for `orphanEndMs`: nobody else would end one that is stuck.
 *
 * @returns  ends it
 */
export function watchStuck(afterMs: number, orphanEndMs = orphanMs): () => void {
  const beats = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const timer = setInterval(() => Atomics.add(beats, 0, 1), beatMs).unref();
  const worker = new Worker(`(${watchMain.toString()})(require, ${afterMs}, ${orphanEndMs}, ${process.ppid})`, {
    eval: true,
    // None of what this process was started with, such as loaders.
    execArgv: [],
    workerData: beats,
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

function watchMain(require: NodeJS.Require, afterMs: number, orphanEndMs: number, parent: number): void {
  const { writeSync } = require("node:fs") as typeof fs;
  const { Session } = require("node:inspector") as typeof inspector;
  const { workerData } = require("node:worker_threads") as typeof threads;
  const seen = { count: -1, at: Date.now() };
  let aloneAt = Number.POSITIVE_INFINITY;
  setInterval(
    () => {
      if (process.ppid !== parent) aloneAt = Math.min(aloneAt, Date.now());
      if (Date.now() - aloneAt > orphanEndMs) process.kill(process.pid, "SIGKILL");
      const count = Atomics.load(workerData as Int32Array, 0);
      if (count !== seen.count) {
        Object.assign(seen, { count, at: Date.now() });
        return;
      }
      if (Date.now() - seen.at < afterMs) return;
      // Once for each time that it is stuck.
      seen.at = Number.POSITIVE_INFINITY;
      const session = new Session();
      session.connectToMainThread();
      // Frames name their scripts by number alone.
      const files = new Map<string, string>();
      session.on("Debugger.scriptParsed", ({ params }: { params: inspector.Debugger.ScriptParsedEventDataType }) =>
        files.set(params.scriptId, params.url),
      );
      session.on("Debugger.paused", ({ params }: { params: inspector.Debugger.PausedEventDataType }) => {
        const lines = params.callFrames.map(
          ({ functionName, location }) =>
            `    at ${functionName || "(anonymous)"} (${files.get(location.scriptId) ?? "unknown"}:${location.lineNumber + 1})\n`,
        );
        writeSync(2, `bk-server: process ${process.pid} is stuck in\n${lines.join("")}`);
        session.post("Debugger.resume", () => session.disconnect());
      });
      session.post("Debugger.enable");
      session.post("Debugger.pause");
    },
    Math.min(500, Math.max(50, afterMs / 5)),
  );
}
