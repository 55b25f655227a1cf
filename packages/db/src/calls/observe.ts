// Who wants to know of calls: tracers, and `log.debug`. Where nobody does, nothing is made.

import type { Log, LogFields } from "@bk/core";

import { type About, callChannel, CallEvent, type Numbers, traced, tracesCalls } from "../execute/tracing.js";
import type { BulkResult } from "./bulk.js";

interface Observed {
  readonly log: Log;
  readonly logsCalls: boolean;
}

/** A call before it begins. */
export interface ObservedCall extends About {
  /** The transaction or bulk that it is a part of. */
  readonly parent: CallEvent | undefined;
}

export function isObserved({ logsCalls }: Observed): boolean {
  return logsCalls || tracesCalls();
}

/** Runs a call, and reports it where somebody wants to know; `work` gets the event then. */
export function observing<T>(home: Observed, call: () => ObservedCall, work: (trace: CallEvent | undefined) => Promise<T>): Promise<T> {
  return isObserved(home) ? observe(home, call(), work) : work(undefined);
}

/** Runs a call, and reports it. */
export async function observe<T>(home: Observed, call: ObservedCall, work: (trace: CallEvent) => Promise<T>): Promise<T> {
  const event = new CallEvent(call, call.parent);
  try {
    return await traced(
      callChannel,
      event,
      () => work(event),
      (result) => numbersOf(call.verb, result),
    );
  } finally {
    if (home.logsCalls) home.log.debug(call.table === undefined ? call.verb : `${call.verb} ${call.table}`, logged(event));
  }
}

function logged({ pool, durationMs, rows, affected, failed, error, cached }: CallEvent): LogFields {
  const fields = {
    pool,
    durationMs: Math.round(durationMs! * 1000) / 1000,
    rows,
    affected,
    failed,
    cached,
    error: error?.code ?? error?.name,
    outcome: error?.outcome,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** What is counted of the result of a call. */
function numbersOf(verb: string, result: unknown): Numbers {
  switch (verb) {
    case "get":
      return { rows: result === undefined ? 0 : 1 };
    case "list":
      return { rows: (result as readonly unknown[]).length };
    case "select":
    case "search":
    case "near":
    case "scan":
      return { rows: (result as { readonly rows: readonly unknown[] }).rows.length };
    case "add":
    case "put":
    case "update":
    case "incr":
    case "del":
    case "updateAll":
    case "delAll":
      return { affected: (result as { readonly affected: number }).affected };
    case "bulk":
      return ofBulk(result as readonly BulkResult[]);
    case "sweep":
    case "copy":
      return { affected: Object.values(result as Readonly<Record<string, number>>).reduce((sum, count) => sum + count, 0) };
    default:
      return {};
  }
}

function ofBulk(results: readonly BulkResult[]): Numbers {
  const failed = results.filter((result) => "error" in result).length;
  const affected = results.reduce((sum, result) => sum + ("error" in result ? 0 : result.affected), 0);
  return { affected, ...(failed === 0 ? {} : { failed }) };
}
