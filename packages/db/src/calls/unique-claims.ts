// Unique groups where the engine enforces none. Each value is a row of a table of the core's own, the claim, which names
// the row that has it. Row and claim are two writes; what may lie between them is dealt with thus:
//
// - A claim is taken before its row is written, and settled after it. One that is not settled is somebody's who is writing
//   now, or who crashed: it is theirs for `leaseMs`.
// - A claim whose row does not have the value is stale, and passes to whoever wants it.
// - Taking and settling both change the claim only if it is as it was read: of a slow writer and one who takes its claim
//   for stale, one is refused. A writer who finds its claim gone when it settles takes its row back.
//
// See docs/decisions/0060-unique-claims.

import { BkError, silentLog } from "@bk/core";

import { putShape } from "../compile/shapes.js";
import type { Change, Reply, Values } from "../driver.js";
import { DbError } from "../errors.js";
import type { Pool } from "../execute/pool.js";
import { hasExpired } from "../reference/expiry.js";
import { compileTables } from "../schema/compile-table.js";
import { defineTables } from "../schema/define-tables.js";
import { decodeKey, encodeKey } from "../schema/ordered-text.js";
import type { Index, Table } from "../schema/table.js";
import { BoundTable } from "./bound-table.js";
import { deleteIfSame, type ReadRow, readWhole, untilUnchanged, updateIfSame } from "./compare-and-set.js";
import type { CallContext } from "./context.js";
import { TableHooks } from "./hooks.js";

type LogicalRow = readonly unknown[];

/** How long a claim that is not settled is left to the writer who took it. */
const leaseMs = 5_000;
/** Longer ids are hashed: engines bound the length of keys. */
const longestId = 120;

// No table of an app begins with an underscore.
const declared = compileTables(
  defineTables({ unique: { id: { primary: 1 }, owner: { maxLength: 10_000 }, mark: {}, until: { type: "int" } } }),
).get("unique")!;

/** The claims of all tables of a database. `mark` is new with every write; `until` is absent when the claim is settled. */
export const claimsTable: Table = Object.freeze({ ...declared, name: "_bk_unique" });

const boundClaims = new WeakMap<Pool, BoundTable>();

function claimsOf(pool: Pool): BoundTable {
  let claims = boundClaims.get(pool);
  if (claims === undefined) boundClaims.set(pool, (claims = new BoundTable(pool, claimsTable, new TableHooks(silentLog))));
  return claims;
}

/** Whether the core keeps the unique groups of this table. */
export function claimsUnique({ table, pool }: BoundTable): boolean {
  return table.uniques.length > 0 && pool.capabilities.unique === "claims";
}

/** The claims' table, where one of these tables needs it. */
export function claimsNeededBy(tables: readonly BoundTable[]): BoundTable[] {
  return [...new Set(tables.filter(claimsUnique).map(({ pool }) => pool))].map(claimsOf);
}

/** A unique value that a row has. */
interface Claim {
  readonly id: string;
  readonly group: Index;
}

/**
 * Writes one row with what its unique values need.
 *
 * @param before  the row as it was read, also when it has expired; undefined: there is none
 * @param after   the row to be; undefined: it is deleted
 * @param write   writes it if it is still `before`
 * @returns       undefined when it was not; nothing has changed then
 * @throws DbError  `already-exists` when another row has one of the values
 */
export async function writeClaiming(
  bound: BoundTable,
  context: CallContext,
  before: ReadRow | undefined,
  after: LogicalRow | undefined,
  write: () => Reply | Promise<Reply>,
): Promise<Reply | undefined> {
  if (!claimsUnique(bound)) {
    const plain = await write();
    return plain.affected === 0 ? undefined : plain;
  }
  const old = before === undefined ? [] : await claimsIn(bound.table, before.values);
  const wanted = after === undefined ? [] : await claimsIn(bound.table, after);
  const isKept = keepsEnd(bound.table, before?.values, after, context.now());
  const missing = wanted.filter(({ id }) => !isKept || !old.some((claim) => claim.id === id));
  const owner = ownerText(bound.table, after ?? before!.values);
  const writer = new Claimer(bound, context, owner);
  let reply: Reply;
  try {
    // In one order for all writers, so that no two of them wait for each other.
    for (const claim of missing.sort((a, b) => (a.id < b.id ? -1 : 1))) await writer.take(claim);
    reply = await write();
  } catch (error) {
    // A write of which it is not known whether it took effect may yet need its claims; they are found out if it does not.
    if (error instanceof BkError && error.outcome === "none") await writer.letGoOfTaken();
    throw error;
  }
  if (reply.affected === 0) {
    await writer.letGoOfTaken();
    return undefined;
  }
  for (const claim of missing)
    if (!(await sure(() => writer.settle(claim)))) {
      await takeBack(bound, context, before, after!);
      await writer.letGoOfTaken();
      throw conflict(bound.table, claim.group);
    }
  for (const claim of old) if (!wanted.some(({ id }) => id === claim.id)) await sure(() => writer.letGo(claim));
  return reply;
}

/** An error that comes when the row is written says nothing of whether it was. */
async function sure<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof BkError) || error.outcome !== "none") throw error;
    throw new DbError(error.code, error.message, { outcome: "unknown", detail: error.detail, cause: error });
  }
}

/** One row's owner in its dealings with claims. */
class Claimer {
  readonly #bound: BoundTable;
  readonly #claims: BoundTable;
  readonly #context: CallContext;
  readonly #owner: string;
  readonly #taken = new Map<Claim, string>();

  constructor(bound: BoundTable, context: CallContext, owner: string) {
    this.#bound = bound;
    this.#claims = claimsOf(bound.pool);
    this.#context = context;
    this.#owner = owner;
  }

  /** @throws DbError `already-exists` when the value is another row's; `limited` when its writer takes too long */
  async take(claim: Claim): Promise<void> {
    await untilUnchanged(this.#context, async () => {
      const { clock } = this.#context;
      const found = await this.#read(claim);
      const mark = this.#newMark();
      const taken: LogicalRow = [claim.id, this.#owner, mark, clock.now() + leaseMs];
      if (found !== undefined && found.owner !== this.#owner) {
        if (await this.#holds(found.owner, claim)) throw conflict(this.#bound.table, claim.group);
        if (found.until !== null && found.until > clock.now()) return undefined;
      }
      if (!(await this.#write(found?.row, taken))) return undefined;
      this.#taken.set(claim, mark);
      return true;
    });
  }

  /** Makes sure that the claim is this row's, which now has the value; false when it has passed to another row. */
  settle(claim: Claim): Promise<boolean> {
    return untilUnchanged(this.#context, async () => {
      const found = await this.#read(claim);
      if (found !== undefined && found.owner !== this.#owner) return false;
      return (await this.#write(found?.row, [claim.id, this.#owner, this.#newMark(), null])) ? true : undefined;
    });
  }

  async letGoOfTaken(): Promise<void> {
    for (const [claim, mark] of this.#taken) await this.letGo(claim, mark);
  }

  /**
   * Gives a claim up that the row has no more. One of which a write is under way is left alone.
   *
   * @param mark  of a claim that this call has taken
   */
  async letGo(claim: Claim, mark?: string): Promise<void> {
    const found = await this.#read(claim);
    if (found === undefined || found.owner !== this.#owner) return;
    if (mark === undefined ? found.until !== null : found.mark !== mark) return;
    // Asked after the claim was read: whoever gives the row the value later has changed the claim first.
    if (await this.#holds(this.#owner, claim)) {
      if (found.until !== null) await this.#write(found.row, [claim.id, this.#owner, this.#newMark(), null]);
    } else await deleteIfSame(this.#claims, this.#context, [claim.id], found.row);
  }

  async #read({ id }: Claim): Promise<{ row: ReadRow; owner: string; mark: string; until: number | null } | undefined> {
    const row = await readWhole(this.#claims, this.#context, [id]);
    if (row === undefined) return undefined;
    const [, owner, mark, until] = row.values as [string, string, string, number | null];
    return { row, owner, mark, until };
  }

  async #holds(owner: string, claim: Claim): Promise<boolean> {
    const { table } = this.#bound;
    const key = this.#bound.encodeKey(decodeKey(table.key, owner));
    const row = await readWhole(this.#bound, this.#context, key);
    return row !== undefined && (await claimsIn(table, row.values)).some(({ id }) => id === claim.id);
  }

  async #write(before: ReadRow | undefined, after: LogicalRow): Promise<boolean> {
    return (await writeIfSame(this.#claims, this.#context, before, after)).affected > 0;
  }

  #newMark(): string {
    const { clock } = this.#context;
    return `${clock.now()}-${clock.random()}-${clock.random()}`;
  }
}

/** Writes a whole row if it is still `before`; undefined: if there is none, not even an expired one. */
export function writeIfSame(
  bound: BoundTable,
  context: CallContext,
  before: ReadRow | undefined,
  after: LogicalRow,
): Reply | Promise<Reply> {
  const { table, pool } = bound;
  const stored = bound.encodeRow(after);
  const changes = changesOfAll(table);
  if (before !== undefined && changes.length > 0) return updateIfSame(bound, context, bound.keyIn(stored), before, changes, after);
  const mode = before === undefined ? "new" : "put";
  return pool.send(
    bound.prepared(`whole ${mode}`, () => putShape(table, mode)),
    stored,
    context,
  );
}

function changesOfAll(table: Table): Change[] {
  return table.columns.filter((column) => !column.isKey).map((column) => ({ column, op: "set", slot: column.index }));
}

/** Undoes a write whose value has passed to another row, unless somebody has changed the row since. */
async function takeBack(bound: BoundTable, context: CallContext, before: ReadRow | undefined, after: LogicalRow): Promise<void> {
  const stored = bound.encodeRow(after);
  const key = bound.keyIn(stored);
  const now = await readWhole(bound, context, key);
  if (now === undefined || !isSameRow(bound, now.values, stored)) return;
  if (before === undefined) await deleteIfSame(bound, context, key, now);
  else await updateIfSame(bound, context, key, now, changesOfAll(bound.table), before.values);
}

function isSameRow(bound: BoundTable, row: LogicalRow, stored: Values): boolean {
  return bound.rowText(bound.encodeRow(row).map(plainText)) === bound.rowText(stored.map(plainText));
}

function plainText(value: Values[number]): string {
  return JSON.stringify(value, (_name, inner: unknown) => (typeof inner === "bigint" ? `${inner}n` : inner));
}

/** The unique values that a row has, of groups without an absent column. */
async function claimsIn(table: Table, row: LogicalRow): Promise<Claim[]> {
  const claims: Claim[] = [];
  for (const group of table.uniques) {
    const values = group.columns.map((column) => row[column.index] ?? null);
    if (!values.includes(null)) claims.push({ id: await idOf(`${table.name} ${group.name} ${encodeKey(group.columns, values)}`), group });
  }
  return claims;
}

async function idOf(text: string): Promise<string> {
  if (text.length <= longestId) return text;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return `#${[...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

function ownerText(table: Table, row: LogicalRow): string {
  return encodeKey(
    table.key,
    table.key.map((column) => row[column.index]),
  );
}

/** The claims of a row that expires may pass to others when it does, so they are made anew when its time is changed. */
function keepsEnd({ ttl }: Table, before: LogicalRow | undefined, after: LogicalRow | undefined, now: number): boolean {
  if (ttl === undefined) return true;
  const end = before?.[ttl.index] ?? null;
  return end === (after?.[ttl.index] ?? null) && !hasExpired(end, now);
}

function conflict({ name }: Table, group: Index): DbError {
  return new DbError("already-exists", `another row has this value of ${group.columns.map((column) => column.name).join(", ")}`, {
    table: name,
    detail: { unique: group.name },
  });
}
