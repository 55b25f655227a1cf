// A log whose level can be changed while the server runs.

import { consoleLog, type ConsoleLogOptions, type Log, type LogLevel } from "@bk/core";

export interface SwitchedLog {
  readonly log: Log;
  readonly level: { get(): LogLevel; set(level: LogLevel): void };
}

export function switchedLog(options: ConsoleLogOptions & { readonly level: LogLevel }): SwitchedLog {
  let { level } = options;
  let current = consoleLog(options);
  return {
    log: {
      debug: (message, fields) => current.debug(message, fields),
      info: (message, fields) => current.info(message, fields),
      warn: (message, fields) => current.warn(message, fields),
      error: (message, fields) => current.error(message, fields),
    },
    level: {
      get: () => level,
      set(wanted) {
        level = wanted;
        current = consoleLog({ ...options, level });
      },
    },
  };
}
