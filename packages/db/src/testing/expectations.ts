// What tests say of calls, in words.

import type { ErrorCode } from "@bk/core";
import { expect } from "vitest";

import type { Capabilities } from "../driver.js";
import type { AnyDb, AnyOptions, AnyPage, AnyRow } from "./any-db.js";

/** The call rejects with a `DbError` of this code and these members. */
export async function refuses(call: Promise<unknown>, code: ErrorCode, members: Readonly<Record<string, unknown>> = {}): Promise<void> {
  const error: unknown = await call.then(
    (result) => expect.fail(`expected ${code}, but the call gave ${describeResult(result)}`),
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ name: "DbError", code, ...members });
}

/** Each of the calls, which are under way already, rejects with a `DbError` of this code and these members. */
export async function refuseAll(
  calls: readonly Promise<unknown>[],
  code: ErrorCode,
  members: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  await Promise.all(calls.map((call) => refuses(call, code, members)));
}

function describeResult(result: unknown): string {
  return JSON.stringify(result, (_name, value: unknown) => (typeof value === "bigint" ? `${value}n` : value))?.slice(0, 200) ?? "undefined";
}

/** Whether a transaction may write rows of several tables, or under several hash keys: where not, such a one is `unsupported`. */
export function takesRowsApart({ transactions, atomic }: Capabilities): boolean {
  return transactions !== "none" && atomic?.within !== "partition";
}

/** Every page of a select, walked to its end. */
export function walk(db: Pick<AnyDb, "select">, table: string, filter: unknown, options: AnyOptions): Promise<AnyPage[]> {
  return walkPages((own) => db.select(table, filter, own), options);
}

/** Every page of a call, walked to its end. */
export async function walkPages(read: (options: AnyOptions) => Promise<AnyPage>, options: AnyOptions): Promise<AnyPage[]> {
  const pages: AnyPage[] = [];
  let start: string | undefined;
  do {
    const page = await read({ ...options, ...(start === undefined ? {} : { start }) });
    pages.push(page);
    start = page.next;
    if (pages.length > 500) expect.fail("a walk over pages does not end");
  } while (start !== undefined);
  return pages;
}

/** The values of one column. */
export function valuesOf(rows: readonly AnyRow[], column: string): unknown[] {
  return rows.map((row) => row[column]);
}

/** Compares texts by code point, as the database does. */
export function byCodePoint(a: string, b: string): number {
  const [left, right] = [Array.from(a), Array.from(b)];
  const at = left.findIndex((letter, i) => letter !== right[i]);
  return at < 0 ? left.length - right.length : left[at]!.codePointAt(0)! - (right[at]?.codePointAt(0) ?? -1);
}
