// Hooks: functions of the app that run before and after the calls on a table.

import type { Clock, Log } from "@bk/core";

import { DbError, invalid } from "../errors.js";
import type { TableScopeDefinition } from "../normalize/scope.js";

export const hookVerbs = [
  "get",
  "list",
  "select",
  "search",
  "near",
  "count",
  "aggregate",
  "add",
  "put",
  "update",
  "incr",
  "del",
  "updateAll",
  "delAll",
] as const;
export type HookVerb = (typeof hookVerbs)[number];
export type HookEvent = `${"before" | "after"}:${HookVerb | "*"}`;

/** What a hook learns of a call. A `before` hook may change `row` by setting another one, and refuses the call by throwing. */
export interface HookCall {
  readonly verb: HookVerb;
  readonly table: string;
  row?: unknown;
  readonly key?: unknown;
  readonly keys?: readonly unknown[];
  readonly filter?: unknown;
  /** Of `near`: latitude, longitude and distance. */
  readonly place?: unknown;
  readonly changes?: unknown;
  readonly options: Readonly<Record<string, unknown>>;
  /** Of a call within a scope: what it may see and do of the table. The scope holds for what the hook changes too. */
  readonly scope?: TableScopeDefinition;
  /** For `after` hooks: how long the call took, its `before` hooks left out. */
  readonly durationMs?: number;
}

/** Runs with the call, and after it with its result too. */
export type Hook = (call: HookCall, result?: unknown) => void | Promise<void>;

/** The hooks of one table, in order of registration. */
export class TableHooks {
  readonly #hooks = new Map<HookEvent, Hook[]>();
  readonly #log: Log;
  readonly #ofAll: TableHooks | undefined;

  /** @param ofAll  hooks of every table, which run after the table's own */
  constructor(log: Log, ofAll?: TableHooks) {
    this.#log = log;
    this.#ofAll = ofAll;
  }

  get none(): boolean {
    return this.#hooks.size === 0 && this.#ofAll?.none !== false;
  }

  add(event: HookEvent, hook: Hook): void {
    const [when, verb] = event.split(":");
    if ((when !== "before" && when !== "after") || !(verb === "*" || (hookVerbs as readonly string[]).includes(verb ?? "")))
      throw invalid(`unknown hook event ${JSON.stringify(event)}; use before:VERB or after:VERB with one of ${hookVerbs.join(", ")}, *`);
    if (typeof hook !== "function") throw invalid(`the hook ${event} must be a function`);
    const known = this.#hooks.get(event);
    if (known === undefined) this.#hooks.set(event, [hook]);
    else known.push(hook);
  }

  /** Runs a call with its hooks around it. A `before` hook refuses the call by throwing: a DbError as it is, else `denied`. An error of an `after` hook goes to the log: the call is done. */
  async around<T>(call: HookCall, run: (call: HookCall) => T | Promise<T>, clock: Clock): Promise<T> {
    for (const hook of this.#of("before", call.verb)) {
      try {
        await hook(call);
      } catch (error) {
        throw refusal(call, error);
      }
    }
    const startedAt = clock.now();
    const result = await run(call);
    const after = { ...call, durationMs: clock.now() - startedAt };
    for (const hook of this.#of("after", call.verb)) {
      try {
        await hook(after, result);
      } catch (error) {
        const reason = error instanceof Error ? error.message : "it threw something that is not an error";
        this.#log.error(`the hook after:${call.verb} of ${call.table} failed`, { reason });
      }
    }
    return result;
  }

  #of(when: "before" | "after", verb: HookVerb): Hook[] {
    const own = [...(this.#hooks.get(`${when}:${verb}`) ?? []), ...(this.#hooks.get(`${when}:*`) ?? [])];
    return this.#ofAll === undefined ? own : [...own, ...this.#ofAll.#of(when, verb)];
  }
}

/** A DbError keeps its code; anything else that a hook throws means `denied`. */
function refusal({ verb }: HookCall, error: unknown): DbError {
  if (error instanceof DbError) return error;
  const reason = error instanceof Error ? error.message : "it threw something that is not an error";
  return new DbError("denied", `the hook before:${verb} refuses the call: ${reason}`, { cause: error });
}
