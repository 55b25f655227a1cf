// A folder that is opened once in a process, and shared by the pools that name it.

import { nodeModule } from "@bk/core";

import type { Awaitable } from "./kv/at-once.js";

interface Handle<Opened> {
  readonly opened: Promise<Opened>;
  uses: number;
  /** Settles when the folder may be opened anew. */
  closing?: Promise<void>;
}

/**
 * Makes a function that opens a path, or shares it with those that have it open: what it gives is closed by its last user.
 * The settings are those of the first one.
 */
export function sharedHandles<Opened extends { close(): Awaitable<void> }, Settings>(
  open: (path: string, settings: Settings) => Promise<Opened>,
): (path: string, settings: Settings) => Promise<Opened> {
  const handles = new Map<string, Handle<Opened>>();
  return async (given, settings) => {
    const path = nodeModule("node:path").resolve(given);
    while (handles.get(path)?.closing !== undefined) await handles.get(path)?.closing;
    let handle = handles.get(path);
    if (handle === undefined) handles.set(path, (handle = { opened: open(path, settings), uses: 0 }));
    const own = handle;
    own.uses++;
    const leave = async (end: () => Promise<void>): Promise<void> => {
      if (--own.uses > 0) return;
      const closing = end().finally(() => handles.delete(path));
      own.closing = closing.catch(() => undefined);
      await closing;
    };
    try {
      const opened = await own.opened;
      let closed: Promise<void> | undefined;
      return { ...opened, close: () => (closed ??= leave(async () => opened.close())) };
    } catch (error) {
      await leave(async () => undefined);
      throw error;
    }
  };
}
