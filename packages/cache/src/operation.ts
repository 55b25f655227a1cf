// What can be done to one entry in one atomic step, as plain data: it can be sent to another process, or looked up in a
// table of scripts. `carryOut` in engines/carry-out.ts says what each of them does.

import type { Stored } from "./stored.js";

/**
 * Adds tokens, `rate` in `perMs`, up to `burst`; takes `cost` of them if they are there. A call that is denied makes `perMs` longer by the
 * amount of `multiplier`, for as long as the bucket is kept, or with a negative one until a call is allowed. The bucket is kept until it is full,
 * and for `ttlMs`; it is dropped when a call is denied (`reset` 1), or by the `reset`th call. 0: not so.
 */
export interface LimitOperation {
  readonly op: "limit";
  readonly rate: number;
  readonly perMs: number;
  readonly burst: number;
  readonly cost: number;
  readonly ttlMs: number;
  readonly reset: number;
  readonly multiplier: number;
}

/** Fields of a map with their values. */
export type Fields = readonly (readonly [field: string, value: Stored])[];

export type Operation =
  /** Writes if there is nothing; gives what was there, or undefined when it wrote. `prolong`: what is there expires no sooner than `ttlMs` from now. */
  | { readonly op: "add"; readonly value: Stored; readonly ttlMs: number; readonly prolong: boolean }
  /** Writes; gives what was there. */
  | { readonly op: "swap"; readonly value: Stored; readonly ttlMs: number }
  /** Removes; gives what was there. */
  | { readonly op: "take" }
  /** Replaces if the value is still `from` (undefined: missing); gives whether it did. */
  | { readonly op: "replace"; readonly from: Stored | undefined; readonly value: Stored; readonly ttlMs: number }
  /** Removes if the value is still `from`; gives whether it did. */
  | { readonly op: "remove"; readonly from: Stored }
  /**
   * Adds to a counter, a decimal text; a missing one is 0. `ttlMs` 0 keeps the expiry there is; else it is set anew by each call
   * (`renew`) or only when the counter is made.
   */
  | { readonly op: "incr"; readonly by: number; readonly ttlMs: number; readonly renew: boolean }
  /** Writes a number if there is none or a smaller one; gives what was there. The expiry is set only then. */
  | { readonly op: "setMax"; readonly to: number; readonly ttlMs: number }
  /** Sets the expiry of what is there (0: none); gives whether there was something. */
  | { readonly op: "touch"; readonly ttlMs: number }
  /** How long what is there lives, in milliseconds; 0: it does not expire; undefined: there is nothing. */
  | { readonly op: "left" }
  /** Values of fields in their order. */
  | { readonly op: "mapGet"; readonly fields: readonly string[] }
  /** The whole map; empty when there is none. */
  | { readonly op: "mapAll" }
  /** Sets fields; `ttlMs` 0 keeps the expiry of the map. */
  | { readonly op: "mapPut"; readonly fields: Fields; readonly ttlMs: number }
  /** Removes fields; gives how many there were. A map without fields is no map. */
  | { readonly op: "mapDel"; readonly fields: readonly string[] }
  | { readonly op: "mapIncr"; readonly field: string; readonly by: number; readonly ttlMs: number }
  | { readonly op: "mapMax"; readonly field: string; readonly to: number; readonly ttlMs: number }
  /** Adds members to a list without order and repeats; gives how many were new, and the size after it. */
  | { readonly op: "listAdd"; readonly members: readonly Stored[]; readonly ttlMs: number }
  | { readonly op: "listDel"; readonly members: readonly Stored[] }
  | { readonly op: "listHas"; readonly member: Stored }
  | { readonly op: "listAll" }
  | { readonly op: "listSize" }
  /** At most `count` members at random, each once; `remove` takes them out. */
  | { readonly op: "listPick"; readonly count: number; readonly remove: boolean }
  /**
   * Takes a lock for `owner` if nobody holds it; gives its fencing token, a number above those of all holders before, or 0 and
   * how long the holder has it at most.
   */
  | { readonly op: "lock"; readonly owner: string; readonly ttlMs: number }
  /** The lock of `owner` expires `ttlMs` from now; false when it is not held by `owner`. */
  | { readonly op: "extend"; readonly owner: string; readonly ttlMs: number }
  /** Frees the lock if `owner` holds it; undefined: whoever holds it. */
  | { readonly op: "unlock"; readonly owner: string | undefined }
  | { readonly op: "locked" }
  | LimitOperation;

export type OpName = Operation["op"];
export type OperationOf<Name extends OpName> = Extract<Operation, { op: Name }>;

export interface LockReply {
  readonly token: number;
  readonly retryAfterMs: number;
}

export interface LimitReply {
  readonly allowed: boolean;
  /** How long until `cost` tokens are there; 0 when allowed. */
  readonly delayMs: number;
  /** Whole tokens that are left. */
  readonly remaining: number;
  /** Calls since the bucket was made, this one too: it is forgotten when it has been full for a moment. */
  readonly total: number;
}

interface Results {
  add: Stored | undefined;
  swap: Stored | undefined;
  take: Stored | undefined;
  replace: boolean;
  remove: boolean;
  incr: number;
  setMax: number | undefined;
  touch: boolean;
  left: number | undefined;
  mapGet: readonly (Stored | undefined)[];
  mapAll: Fields;
  mapPut: void;
  mapDel: number;
  mapIncr: number;
  mapMax: number | undefined;
  listAdd: { readonly added: number; readonly size: number };
  listDel: number;
  listHas: boolean;
  listAll: readonly Stored[];
  listSize: number;
  listPick: readonly Stored[];
  lock: LockReply;
  extend: boolean;
  unlock: boolean;
  locked: boolean;
  limit: LimitReply;
}

export type ResultOf<Op extends Operation> = Results[Op["op"]];

/** Operations that change nothing: their outcome is `none` whatever happens. */
export const reads: ReadonlySet<OpName> = new Set<OpName>(["left", "mapGet", "mapAll", "listHas", "listAll", "listSize", "locked"]);
