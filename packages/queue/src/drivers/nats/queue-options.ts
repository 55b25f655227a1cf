// What a queue's settings say, and what its parts are called on the server.

import { integer, parseConnectUrl, readOptions, string } from "@bk/core";

import { wrongOption } from "../../errors.js";
import { type NatsOptions, natsOptions } from "./options.js";

export interface NatsQueueOptions extends NatsOptions {
  /** What names on the server begin with; default `bk`. */
  readonly prefix: string;
  /** How many servers of a cluster keep each message; default 1. */
  readonly replicas: number;
}

const types = {
  prefix: string("letters, digits, underscores and hyphens", (text) => /^[\w-]{1,60}$/.test(text)),
  replicas: integer({ min: 1, max: 5 }),
};

/** @throws QueueError `invalid` naming the field */
export function natsQueueOptions({ url, options }: { url: string; options: Readonly<Record<string, unknown>> }): NatsQueueOptions {
  const inUrl = parseConnectUrl(url).options;
  const own = readOptions(
    Object.fromEntries(Object.entries({ ...inUrl, ...options }).filter(([name]) => name in types)),
    types,
    wrongOption("nats"),
  );
  return { ...natsOptions({ url, options }, Object.keys(types)), prefix: own.prefix ?? "bk", replicas: own.replicas ?? 1 };
}

/** Streams and subjects of one queue. Dots of the queue's name, which streams may not have, are `=`, which no name has. */
export interface QueueNames {
  readonly stream: string;
  readonly subject: string;
  readonly deadStream: string;
  readonly deadSubjects: string;
  readonly notesStream: string;
  readonly notesSubjects: string;
}

export function queueNames(prefix: string, queue: string): QueueNames {
  const name = `${prefix}=${queue.replaceAll(".", "=")}`;
  return {
    stream: name,
    subject: `_bk.queue.${name}`,
    deadStream: `${name}=+dead`,
    deadSubjects: `_bk.dead.${name}`,
    notesStream: `${name}=+notes`,
    notesSubjects: `_bk.notes.${name}`,
  };
}
