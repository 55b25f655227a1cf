// A thread that watches the main one: when that is stuck, it writes where. Ran as a worker thread.

import { writeSync } from "node:fs";
import { type Debugger, Session } from "node:inspector";
import { workerData } from "node:worker_threads";

const { beats, afterMs } = workerData as { readonly beats: SharedArrayBuffer; readonly afterMs: number };
const count = new Int32Array(beats);
let [last, since] = [-1, Date.now()];

setInterval(
  () => {
    const now = Atomics.load(count, 0);
    if (now !== last) {
      [last, since] = [now, Date.now()];
      return;
    }
    if (Date.now() - since < afterMs) return;
    // Once for each time that it is stuck.
    since = Number.POSITIVE_INFINITY;
    writeStack();
  },
  Math.max(50, afterMs / 5),
);

function writeStack(): void {
  const session = new Session();
  session.connectToMainThread();
  session.on("Debugger.paused", ({ params }: { params: Debugger.PausedEventDataType }) => {
    const lines = params.callFrames.map(
      ({ functionName, url, location }) => `    at ${functionName || "(anonymous)"} (${url}:${location.lineNumber + 1})`,
    );
    writeSync(2, `bk-server: process ${process.pid} is stuck in\n${lines.join("\n")}\n`);
    session.post("Debugger.resume", () => session.disconnect());
  });
  session.post("Debugger.enable");
  session.post("Debugger.pause");
}
