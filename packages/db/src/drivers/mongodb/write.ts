// Replies of commands that write: what the server refuses of single writes stands in them.

import type { Document } from "mongodb";

import { DbError } from "../../errors.js";
import type { Engine } from "./engine.js";
import type { Bson } from "./values.js";

/** Sends a command that writes. Throws what the server refuses, as the client throws what it refuses of whole commands. */
export async function sendWrite(engine: Engine, command: Document, signal: AbortSignal | undefined): Promise<Document> {
  const reply = await engine.send(command, signal);
  const [error] = writeErrorsOf(reply, engine.bson).values();
  if (error !== undefined) throw error;
  return reply;
}

/** The errors of the single writes of a command, by their places in it. */
export function writeErrorsOf(reply: Document, { MongoServerError }: Bson): ReadonlyMap<number, Error> {
  const refused = (reply["writeErrors"] ?? []) as readonly { readonly index: number; readonly errmsg: string; readonly code: number }[];
  const unsure = reply["writeConcernError"] as { readonly errmsg?: string; readonly code?: number } | undefined;
  if (unsure !== undefined)
    throw new DbError("unavailable", "the primary has the write, but it is not known whether enough other servers have it", {
      outcome: "unknown",
      cause: new MongoServerError({ ...unsure }),
    });
  return new Map(refused.map((each) => [each.index, new MongoServerError({ ...each })]));
}
