// Calls within a scope: what their callers give, completed by what the scope sets, or refused.

import { changesWithin, keyWithin, mustWrite, rowWithin, type TableScope } from "../normalize/scope.js";
import type { BoundTable } from "./bound-table.js";
import type { HookCall, HookVerb } from "./hooks.js";
import type { CallOptions, ChangeOptions } from "./options.js";

type Call = Partial<HookCall>;

interface Confined<Own> {
  readonly call: Call;
  readonly options: Own | undefined;
}

/** @throws DbError `denied`, naming the column, for what may not be written and for other values than those that are set */
export function confine<Own extends CallOptions>(
  { rules }: BoundTable,
  scope: TableScope,
  verb: HookVerb,
  call: Call,
  options: Own | undefined,
): Confined<Own> {
  switch (verb) {
    case "get":
      return { call: { ...call, key: keyWithin(rules, scope, call.key) }, options };
    case "list":
      if (!Array.isArray(call.keys)) return { call, options };
      return { call: { ...call, keys: call.keys.map((key: unknown) => keyWithin(rules, scope, key)) }, options };
    case "select":
    case "search":
    case "near":
    case "count":
    case "aggregate":
      return { call, options };
    case "add":
    case "put":
      mustWrite(scope);
      return { call: { ...call, row: rowWithin(rules, scope, call.row) }, options };
    case "update":
    case "incr": {
      mustWrite(scope);
      const { ops, upsert, mustMatch } = (options ?? {}) as ChangeOptions;
      const creates = verb === "incr" ? mustMatch !== true : upsert === true;
      const made = changesWithin(rules, scope, verb, call.row, ops, creates);
      return { call: { ...call, row: made.row }, options: made.ops === ops ? options : ({ ...options, ops: made.ops } as unknown as Own) };
    }
    case "updateAll": {
      mustWrite(scope);
      const { ops } = (options ?? {}) as ChangeOptions;
      return { call: { ...call, changes: changesWithin(rules, scope, verb, call.changes, ops, false).row }, options };
    }
    case "del":
      mustWrite(scope);
      return { call: { ...call, key: keyWithin(rules, scope, call.key) }, options };
    case "delAll":
      mustWrite(scope);
      return { call, options };
  }
}
