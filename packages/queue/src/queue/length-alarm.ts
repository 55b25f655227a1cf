// Looks from time to time at how many messages wait.

import type { Engine } from "./engine.js";
import type { Events } from "./events.js";
import type { Alarm } from "./listen-options.js";
import type { Listener } from "./listener.js";

export interface LengthAlarm {
  readonly engine: Engine;
  readonly events: Events;
  readonly alarm: Required<Alarm>;
}

/** Looks until the listener is closed. */
export function watchLength(listener: Listener, alarm: LengthAlarm): void {
  const closed = new AbortController();
  listener.onClose(() => closed.abort());
  void look(alarm, closed.signal);
}

async function look({ engine, events, alarm }: LengthAlarm, signal: AbortSignal): Promise<void> {
  const { clock, log, queue } = engine.options;
  for (;;) {
    try {
      await clock.sleep(alarm.everyMs, signal);
    } catch {
      // The listener has been closed.
      return;
    }
    try {
      const { waiting = 0 } = await engine.request("stats", false, (driver, own) => driver.stats(own), { signal });
      if (waiting < alarm.length) continue;
      log.warn("many messages wait", { queue, waiting });
      events.emit("long", { waiting });
    } catch (error) {
      if (signal.aborted || engine.isClosed) return;
      log.warn("it cannot be told how many messages wait", { queue, error });
    }
  }
}
