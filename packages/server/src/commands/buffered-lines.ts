// Log lines are gathered and written together: a write for each request costs more than many requests do.

import { writeSync } from "node:fs";

const flushAfterMs = 20;
const flushAtBytes = 64 * 1024;
const newLine = 10;

export interface BufferedLines {
  write(line: string): void;
  /** Writes what is left, at once. */
  flush(): void;
  /** Lines that were not written, or not to their end. */
  dropped(): number;
}

/** Gives a writer of lines to what `descriptor` gives, default standard error. */
export function bufferedLines(descriptor: () => number = () => 2): BufferedLines {
  let text = "";
  let dropped = 0;
  let timer: NodeJS.Timeout | undefined;
  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    let bytes = Buffer.from(text);
    text = "";
    while (bytes.length > 0) {
      try {
        bytes = bytes.subarray(writeSync(descriptor(), bytes));
      } catch (error) {
        // A pipe that is full for the moment; any other error means that the disk is, or nobody reads the log, which must not stop the server.
        if ((error as NodeJS.ErrnoException).code === "EAGAIN") continue;
        dropped += bytes.filter((byte) => byte === newLine).length;
        return;
      }
    }
  }
  return {
    write(line) {
      text += `${line}\n`;
      if (text.length >= flushAtBytes) flush();
      else timer ??= setTimeout(flush, flushAfterMs).unref();
    },
    flush,
    dropped: () => dropped,
  };
}
