// Which members go into one request: as many as its engine takes, by number, by bytes and by where their rows lie.

import { utf8Length } from "../schema/bytes.js";
import type { Capabilities, GroupLimit, Limits, Shape, Value, Values } from "../driver.js";
import { DbError } from "../errors.js";

/** What one request of a command carries. */
export interface PartLimit {
  readonly most: number;
  readonly bytes: number;
  readonly fewest: number | undefined;
  /** Members of one request have the same text of it; undefined where they may lie anywhere. */
  readonly placeOf: ((values: Values) => string) | undefined;
}

/** The limit of a shape's groups; `most` is 1 where the engine takes none of it. */
export function partLimit(shape: Shape, { group, limits }: Capabilities): PartLimit {
  const isByKey = "key" in shape && !("target" in shape && shape.target === "filter");
  const limit: GroupLimit | undefined = isByKey ? group[shape.verb] : shape.verb === "select" ? group.select : undefined;
  const { most = 1, bytes = Infinity, fewest, within } = limit ?? {};
  const slot = isByKey && within === "partition" ? shape.key[0] : undefined;
  return {
    most,
    bytes: Math.min(bytes, limits.statementBytes ?? Infinity),
    fewest,
    placeOf: slot === undefined ? undefined : (values) => placeText(values[slot]!),
  };
}

function placeText(value: Value): string {
  return `${typeof value}${String(value)}`;
}

interface Part<Member> {
  readonly members: Member[];
  bytes: number;
}

/** Refuses a command whose values alone are over what the engine takes. */
export function throwIfTooLarge({ verb }: Shape, values: Values, { statementBytes = Infinity, rowBytes = Infinity }: Limits): void {
  const most = verb === "put" ? Math.min(statementBytes, rowBytes) : statementBytes;
  if (most === Infinity) return;
  const bytes = bytesOf(values);
  if (bytes <= most) return;
  const what = most === rowBytes ? "row" : "command";
  throw new DbError("too-large", `the values of the ${what} take ${bytes} bytes; this engine takes at most ${most}`);
}

/** Puts members together, in the order in which they come. */
export class Parts<Member extends { readonly values: Values }> {
  readonly #limit: PartLimit;
  /** Members that may lie anywhere. */
  #anywhere: Member[] = [];
  /** How many of those, from the first one, are taken already: thousands are not moved up for each part. */
  #taken = 0;
  /** The others, in parts. */
  readonly #placed: Part<Member>[] = [];
  /** The part of each place that takes its next member. */
  readonly #lastAt = new Map<string, Part<Member>>();

  constructor(limit: PartLimit) {
    this.#limit = limit;
  }

  get isEmpty(): boolean {
    return this.#anywhere.length === 0 && this.#placed.length === 0;
  }

  add(member: Member): void {
    const { most, bytes, placeOf } = this.#limit;
    if (placeOf === undefined) {
      this.#anywhere.push(member);
      return;
    }
    const place = placeOf(member.values);
    const own = bytes === Infinity ? 0 : bytesOf(member.values);
    const open = this.#lastAt.get(place);
    if (open !== undefined && open.members.length < most && open.bytes + own <= bytes) {
      open.members.push(member);
      open.bytes += own;
      return;
    }
    const part = { members: [member], bytes: own };
    this.#placed.push(part);
    this.#lastAt.set(place, part);
  }

  /**
   * Takes the members of one request, those that came first; undefined when there are none.
   *
   * @param free  requests that may be sent now, this one included
   */
  take(free = 1): Member[] | undefined {
    if (this.#limit.placeOf === undefined) return this.#takeAnywhere(free);
    const part = this.#placed.shift();
    if (part === undefined) return undefined;
    const place = this.#limit.placeOf(part.members[0]!.values);
    if (this.#lastAt.get(place) === part) this.#lastAt.delete(place);
    return part.members;
  }

  #takeAnywhere(free: number): Member[] | undefined {
    const { most, fewest = most } = this.#limit;
    const left = this.#anywhere.length - this.#taken;
    if (left === 0) return undefined;
    const count = this.#countWithin(Math.min(left, most, Math.max(fewest, Math.ceil(left / free))));
    const all = this.#anywhere;
    const from = this.#taken;
    this.#taken += count;
    // What is taken goes when it is more than what is left.
    if (this.#taken * 2 > all.length) {
      this.#anywhere = all.slice(this.#taken);
      this.#taken = 0;
    }
    return count === all.length ? all : all.slice(from, from + count);
  }

  /** How many of the next `wanted` members one request takes by their bytes: one at least. */
  #countWithin(wanted: number): number {
    const { bytes: most } = this.#limit;
    if (most === Infinity) return wanted;
    const bytesAt = (i: number): number => bytesOf(this.#anywhere[this.#taken + i]!.values);
    let bytes = bytesAt(0);
    let count = 1;
    while (count < wanted && (bytes += bytesAt(count)) <= most) count++;
    return count;
  }
}

/** Bytes that values take at least, however they are sent: texts in UTF-8, numbers two. */
export function bytesOf(values: Values): number {
  let bytes = 0;
  for (const value of values) bytes += bytesOfValue(value);
  return bytes;
}

function bytesOfValue(value: unknown): number {
  if (typeof value === "string") return utf8Length(value);
  if (typeof value !== "object") return 2;
  if (value === null) return 1;
  if (value instanceof Uint8Array) return value.length;
  if (Array.isArray(value)) return value.reduce((bytes: number, item) => bytes + bytesOfValue(item), 0);
  return Object.entries(value).reduce((bytes, [name, member]) => bytes + utf8Length(name) + bytesOfValue(member), 0);
}
