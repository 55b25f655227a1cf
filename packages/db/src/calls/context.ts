import type { Clock } from "@bk/core";

import type { TokenCodec } from "../present/page-token.js";
import type { OrderedCall, Row } from "./bound-table.js";

/** What a call takes from the database that it belongs to, and how it goes to the engine. */
export interface CallContext extends OrderedCall {
  readonly tokens: TokenCodec;
  /** Most rows that the core sorts itself. */
  readonly sortLimit: number;
  readonly clock: Clock;
  readonly now: () => number;
}

export interface WriteResult {
  readonly affected: number;
  readonly row?: Row;
}

export const nothing: WriteResult = Object.freeze({ affected: 0 });
export const done: WriteResult = Object.freeze({ affected: 1 });
