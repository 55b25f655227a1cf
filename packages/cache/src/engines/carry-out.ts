// What each operation does to an entry: the one meaning of them, for every store that can keep an entry as a whole. Stores
// with scripts say the same in their own language, and the suite holds them to it.

import { CacheError } from "../errors.js";
import type { Operation, OperationOf, OpName, ResultOf } from "../operation.js";
import type { Stored } from "../driver.js";
import { identityOf } from "../stored.js";
import { type Bucket, takeTokens } from "./bucket.js";

/** What lies under one key. `expiresAt` is in milliseconds since 1970; 0: never. */
export type Entry = { expiresAt: number } & (
  | { readonly kind: "value"; readonly value: Stored; memo: unknown }
  | { readonly kind: "map"; readonly fields: Map<string, Stored> }
  /** Members by their identity. */
  | { readonly kind: "list"; readonly members: Map<string, Stored> }
  /** `until`: when the holder's time is over; 0 when nobody holds it. The entry lives longer, for the sake of the token. */
  | { readonly kind: "lock"; readonly owner: string; readonly until: number; readonly token: number }
  | { readonly kind: "bucket"; readonly bucket: Bucket }
);
export type EntryOf<Kind extends Entry["kind"]> = Extract<Entry, { kind: Kind }>;

/** What an operation is given beside the entry. */
export interface Surroundings {
  readonly now: number;
  readonly random: () => number;
}

/** The entry after an operation (undefined: none), whether it has to be written, and the operation's result. */
export interface Outcome<Result> {
  readonly entry: Entry | undefined;
  readonly isChanged: boolean;
  readonly result: Result;
}

/** How long a lock is remembered after its end, so that the next token is above its own even where clocks differ. */
export const lockMemoryMs = 86_400_000;

export const isLive = (entry: { readonly expiresAt: number } | undefined, now: number): boolean =>
  entry !== undefined && (entry.expiresAt === 0 || entry.expiresAt > now);

export const expiryOf = (ttlMs: number, now: number): number => (ttlMs === 0 ? 0 : now + ttlMs);

/**
 * Carries out an operation on an entry that has not expired. Maps and lists are changed in place.
 *
 * @throws CacheError `invalid` when the entry is not of the kind that the operation is for; nothing is changed then
 */
export function carryOut<Op extends Operation>(entry: Entry | undefined, operation: Op, around: Surroundings): Outcome<ResultOf<Op>> {
  // The table has for each name the function for that operation, which the compiler cannot follow.
  const apply = table[operation.op] as unknown as (entry: Entry | undefined, operation: Op, around: Surroundings) => Outcome<ResultOf<Op>>;
  return apply(entry, operation, around);
}

type Table = {
  readonly [Name in OpName]: (
    entry: Entry | undefined,
    operation: OperationOf<Name>,
    around: Surroundings,
  ) => Outcome<ResultOf<OperationOf<Name>>>;
};

const same = <Result>(entry: Entry | undefined, result: Result): Outcome<Result> => ({ entry, isChanged: false, result });
const changed = <Result>(entry: Entry | undefined, result: Result): Outcome<Result> => ({ entry, isChanged: true, result });

export const valueEntry = (value: Stored, expiresAt: number): EntryOf<"value"> => ({ kind: "value", value, memo: undefined, expiresAt });

const table: Table = {
  add: (entry, { value, ttlMs, prolong }, { now }) => {
    const expiresAt = expiryOf(ttlMs, now);
    if (entry === undefined) return changed(valueEntry(value, expiresAt), undefined);
    const before = valueOf(entry);
    if (!prolong || entry.expiresAt === 0 || (expiresAt !== 0 && entry.expiresAt >= expiresAt)) return same(entry, before);
    entry.expiresAt = expiresAt;
    return changed(entry, before);
  },
  swap: (entry, { value, ttlMs }, { now }) => changed(valueEntry(value, expiryOf(ttlMs, now)), valueOf(entry)),
  take: (entry) => (entry === undefined ? same(entry, undefined) : changed(undefined, valueOf(entry))),
  replace: (entry, { from, value, ttlMs }, { now }) => {
    const before = valueOf(entry);
    const isSame = before === undefined || from === undefined ? before === from : identityOf(before) === identityOf(from);
    return isSame ? changed(valueEntry(value, expiryOf(ttlMs, now)), true) : same(entry, false);
  },
  remove: (entry, { from }) => {
    const before = valueOf(entry);
    return before !== undefined && identityOf(before) === identityOf(from) ? changed(undefined, true) : same(entry, false);
  },
  incr: (entry, { by, ttlMs, renew }, { now }) => {
    const sum = sumOf(valueOf(entry), by);
    const keeps = ttlMs === 0 || (entry !== undefined && !renew);
    return changed(valueEntry(String(sum), keeps ? (entry?.expiresAt ?? 0) : now + ttlMs), sum);
  },
  setMax: (entry, { to, ttlMs }, { now }) => {
    const before = numberOf(valueOf(entry));
    return before !== undefined && before >= to ? same(entry, before) : changed(valueEntry(String(to), expiryOf(ttlMs, now)), before);
  },
  touch: (entry, { ttlMs }, { now }) => {
    if (entry === undefined) return same(entry, false);
    entry.expiresAt = expiryOf(ttlMs, now);
    return changed(entry, true);
  },
  left: (entry, _operation, { now }) =>
    same(entry, entry === undefined || entry.expiresAt === 0 ? entry?.expiresAt : entry.expiresAt - now),

  mapGet: (entry, { fields }) => {
    const map = entry === undefined ? undefined : mapOf(entry).fields;
    return same(
      entry,
      fields.map((field) => map?.get(field)),
    );
  },
  mapAll: (entry) => same(entry, entry === undefined ? [] : [...mapOf(entry).fields]),
  mapPut: (entry, { fields, ttlMs }, { now }) => {
    const map = entry === undefined ? newMap() : mapOf(entry);
    for (const [field, value] of fields) map.fields.set(field, value);
    if (ttlMs !== 0) map.expiresAt = now + ttlMs;
    return changed(map, undefined);
  },
  mapDel: (entry, { fields }) => {
    if (entry === undefined) return same(entry, 0);
    const map = mapOf(entry);
    const removed = fields.filter((field) => map.fields.delete(field)).length;
    return removed === 0 ? same(entry, 0) : changed(map.fields.size === 0 ? undefined : map, removed);
  },
  mapIncr: (entry, { field, by, ttlMs }, { now }) => {
    const map = entry === undefined ? newMap() : mapOf(entry);
    const sum = sumOf(map.fields.get(field), by);
    map.fields.set(field, String(sum));
    if (ttlMs !== 0) map.expiresAt = now + ttlMs;
    return changed(map, sum);
  },
  mapMax: (entry, { field, to, ttlMs }, { now }) => {
    const map = entry === undefined ? newMap() : mapOf(entry);
    const before = numberOf(map.fields.get(field));
    if (before !== undefined && before >= to) return same(entry, before);
    map.fields.set(field, String(to));
    if (ttlMs !== 0) map.expiresAt = now + ttlMs;
    return changed(map, before);
  },

  listAdd: (entry, { members, ttlMs }, { now }) => {
    const list = entry === undefined ? newList() : listOf(entry);
    const before = list.members.size;
    for (const member of members) list.members.set(identityOf(member), member);
    const size = list.members.size;
    if (size === 0) return same(undefined, { added: 0, size });
    if (ttlMs !== 0) list.expiresAt = now + ttlMs;
    return changed(list, { added: size - before, size });
  },
  listDel: (entry, { members }) => {
    if (entry === undefined) return same(entry, 0);
    const list = listOf(entry);
    const removed = members.filter((member) => list.members.delete(identityOf(member))).length;
    return removed === 0 ? same(entry, 0) : changed(list.members.size === 0 ? undefined : list, removed);
  },
  listHas: (entry, { member }) => same(entry, entry !== undefined && listOf(entry).members.has(identityOf(member))),
  listAll: (entry) => same(entry, entry === undefined ? [] : [...listOf(entry).members.values()]),
  listSize: (entry) => same(entry, entry === undefined ? 0 : listOf(entry).members.size),
  listPick: (entry, { count, remove }, { random }) => {
    if (entry === undefined) return same(entry, []);
    const list = listOf(entry);
    const picked = pick([...list.members], count, random);
    if (!remove || picked.length === 0)
      return same(
        entry,
        picked.map(([, member]) => member),
      );
    for (const [identity] of picked) list.members.delete(identity);
    return changed(
      list.members.size === 0 ? undefined : list,
      picked.map(([, member]) => member),
    );
  },

  lock: (entry, { owner, ttlMs }, { now }) => {
    const lock = lockOf(entry);
    if (lock !== undefined && lock.until > now && lock.owner !== owner) return same(entry, { token: 0, retryAfterMs: lock.until - now });
    // A holder that asks again, since its first answer was lost, has what it holds.
    const isHeld = lock !== undefined && lock.until > now;
    // The time as a floor: also where the entry was lost the next token is above all before.
    const token = isHeld ? lock.token : Math.max((lock?.token ?? 0) + 1, now);
    return changed(newLock(owner, now + ttlMs, token, now + ttlMs + lockMemoryMs), { token, retryAfterMs: 0 });
  },
  extend: (entry, { owner, ttlMs }, { now }) => {
    const lock = lockOf(entry);
    if (lock === undefined || lock.until <= now || lock.owner !== owner) return same(entry, false);
    return changed(newLock(owner, now + ttlMs, lock.token, now + ttlMs + lockMemoryMs), true);
  },
  unlock: (entry, { owner }, { now }) => {
    const lock = lockOf(entry);
    if (lock === undefined || lock.until <= now || (owner !== undefined && lock.owner !== owner)) return same(entry, false);
    return changed(newLock("", 0, lock.token, now + lockMemoryMs), true);
  },
  locked: (entry, _operation, { now }) => same(entry, (lockOf(entry)?.until ?? 0) > now),

  limit: (entry, operation, { now }) => {
    if (entry !== undefined && entry.kind !== "bucket") throw otherKind();
    const { bucket, reply, keepMs } = takeTokens(entry?.bucket, operation, now);
    if (bucket === undefined) return entry === undefined ? same(entry, reply) : changed(undefined, reply);
    return changed({ kind: "bucket", bucket, expiresAt: now + keepMs + 1000 }, reply);
  },
};

function valueOf(entry: Entry | undefined): Stored | undefined {
  if (entry === undefined) return undefined;
  if (entry.kind !== "value") throw otherKind();
  return entry.value;
}

function mapOf(entry: Entry): EntryOf<"map"> {
  if (entry.kind !== "map") throw otherKind();
  return entry;
}

function listOf(entry: Entry): EntryOf<"list"> {
  if (entry.kind !== "list") throw otherKind();
  return entry;
}

function lockOf(entry: Entry | undefined): EntryOf<"lock"> | undefined {
  if (entry !== undefined && entry.kind !== "lock") throw otherKind();
  return entry;
}

const newMap = (): EntryOf<"map"> => ({ kind: "map", fields: new Map(), expiresAt: 0 });
const newList = (): EntryOf<"list"> => ({ kind: "list", members: new Map(), expiresAt: 0 });
const newLock = (owner: string, until: number, token: number, expiresAt: number): EntryOf<"lock"> => ({
  kind: "lock",
  owner,
  until,
  token,
  expiresAt,
});

function pick<T>(from: T[], count: number, random: () => number): T[] {
  const picked: T[] = [];
  while (picked.length < count && from.length > 0) {
    const at = Math.floor(random() * from.length);
    picked.push(from[at]!);
    from[at] = from.at(-1)!;
    from.pop();
  }
  return picked;
}

/** The number that a value is written as; undefined when there is no value. */
function numberOf(value: Stored | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "string" && /^-?\d+(\.\d+)?([eE][-+]?\d+)?$/.test(value)) return Number(value);
  throw new CacheError("invalid", "the value is not a number");
}

function sumOf(value: Stored | undefined, by: number): number {
  if (value !== undefined && !(typeof value === "string" && /^-?\d{1,19}$/.test(value)))
    throw new CacheError("invalid", "the value is not an integer");
  const sum = Number(value ?? 0) + by;
  if (!Number.isSafeInteger(sum)) throw new CacheError("invalid", "the sum would not be a safe integer");
  return sum;
}

function otherKind(): CacheError {
  return new CacheError("invalid", "the key holds something of another kind");
}
