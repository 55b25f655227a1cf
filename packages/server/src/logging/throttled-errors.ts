// Errors of one kind that come again and again fill no log: so many are written, the others counted.

import type { Clock, Log, LogFields } from "@bk/core";

export interface ErrorThrottle {
  /** Errors with one message within `intervalMs`; 0: all are written. */
  readonly max: number;
  readonly intervalMs: number;
}

interface Kind {
  until: number;
  count: number;
}

/** Kinds that are told apart; what comes beyond is one kind. */
const mostKinds = 1000;

/** Writes what comes to `log`, but for errors beyond the limit. How many were left out is told with the next one that is written, or when the time is over. */
export function throttledErrors(log: Log, { max, intervalMs }: ErrorThrottle, clock: Clock): Log {
  if (max === 0) return log;
  const kinds = new Map<string, Kind>();
  let timer: NodeJS.Timeout | undefined;

  function tellEnded(): void {
    timer = undefined;
    const now = clock.now();
    for (const [message, kind] of kinds) {
      if (kind.until > now) continue;
      kinds.delete(message);
      if (kind.count > max) log.error(`${message} (${kind.count - max} more times, which were left out)`);
    }
    if (kinds.size > 0) timer = setTimeout(tellEnded, intervalMs).unref();
  }

  function error(message: string, fields?: LogFields): void {
    const now = clock.now();
    const name = kinds.has(message) || kinds.size < mostKinds ? message : "errors of other kinds";
    let kind = kinds.get(name);
    if (kind !== undefined && kind.until <= now) tellEnded();
    kind = kinds.get(name);
    if (kind === undefined) kinds.set(name, (kind = { until: now + intervalMs, count: 0 }));
    timer ??= setTimeout(tellEnded, intervalMs).unref();
    if (++kind.count <= max) log.error(message, fields);
  }

  return {
    debug: (...given) => log.debug(...given),
    info: (...given) => log.info(...given),
    warn: (...given) => log.warn(...given),
    error,
  };
}
