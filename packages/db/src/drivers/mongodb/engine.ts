// What commands use to reach the server.

import type { Document } from "mongodb";

import type { Bson } from "./values.js";

export interface Engine {
  readonly bson: Bson;
  /** Commands run in a transaction. */
  readonly isTransaction: boolean;
  /** Sends one command and gives the server's reply. Throws native errors, those of writes too. */
  send(command: Document, signal: AbortSignal | undefined): Promise<Document>;
  /** Some documents of a collection, each value as an object of the client that tells its type. */
  sample(collection: string, most: number, signal: AbortSignal | undefined): Promise<readonly Document[]>;
}

interface Batch {
  readonly id: number | bigint;
  readonly firstBatch?: readonly Document[];
  readonly nextBatch?: readonly Document[];
}

/** All documents of a cursor, asked for batch by batch. */
export async function wholeCursor(
  engine: Engine,
  collection: string,
  reply: Document,
  signal: AbortSignal | undefined,
): Promise<readonly Document[]> {
  let batch = reply["cursor"] as Batch;
  let documents = batch.firstBatch ?? [];
  while (Number(batch.id) !== 0) {
    const more = await engine.send({ getMore: BigInt(batch.id), collection }, signal);
    batch = more["cursor"] as Batch;
    documents = [...documents, ...(batch.nextBatch ?? [])];
  }
  return documents;
}

/** The documents of a reply that has them all. */
export function firstBatch(reply: Document): readonly Document[] {
  return (reply["cursor"] as Batch).firstBatch ?? [];
}

/** Whether the server has more documents than a reply brought. */
export function hasMore(reply: Document): boolean {
  return Number((reply["cursor"] as Batch).id) !== 0;
}

/** Lets the server forget a cursor whose other documents are not wanted. */
export async function endCursor(engine: Engine, collection: string, reply: Document): Promise<void> {
  try {
    await engine.send({ killCursors: collection, cursors: [BigInt((reply["cursor"] as Batch).id)] }, undefined);
  } catch {
    // The rows are there; the server forgets the cursor by itself, a little later.
  }
}
