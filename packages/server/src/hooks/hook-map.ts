// The hooks of the app and its modules, by what they are for.

import { BkError } from "@bk/core";
import type { Hook } from "@bk/modules";

import { methods } from "../request/methods.js";

export type HookOn = Hook["on"];
export type HookFor<On extends HookOn> = Extract<Hook, { readonly on: On }>;

export interface HookMap {
  /** Whether there are any of a kind. */
  has(on: HookOn): boolean;
  /** The hooks for a request, in their order; undefined where there are none. */
  find<On extends HookOn>(on: On, method: string, path: string): readonly HookFor<On>[] | undefined;
}

/** The hooks of one of those who may have some. */
export interface HooksOf {
  /** The app, or the module by its name. */
  readonly owner: string;
  readonly hooks: readonly Hook[];
}

/** How many paths are remembered for each kind, and how long they may be: they come from anybody. */
const mostKept = 1000;
const longestKept = 200;

const kinds: readonly HookOn[] = ["accessCheck", "preProcess", "postProcess", "sendStatus", "cleanup"];

/** @throws BkError `invalid` for a hook that cannot be used, or two of one owner for the same */
export function hookMap(lists: readonly HooksOf[]): HookMap {
  for (const list of lists) checkList(list);
  const all = lists.flatMap(({ hooks }) => hooks);
  const byKind = new Map(kinds.map((on) => [on, hooksByPath(all.filter((hook) => hook.on === on))]));
  return {
    has: (on) => byKind.get(on) !== undefined,
    find(on, method, path) {
      const found = path === "/ping" ? undefined : byKind.get(on)?.(path);
      if (found === undefined) return undefined;
      const fitting = found.filter((hook) => hook.method === undefined || takes(hook.method, method));
      return fitting.length === 0 ? undefined : (fitting as never);
    },
  };
}

function takes(own: string, method: string): boolean {
  return own === method || (own === "GET" && method === "HEAD");
}

/** The hooks for a path, remembered; undefined where there are no hooks at all. */
function hooksByPath(hooks: readonly Hook[]): ((path: string) => readonly Hook[] | undefined) | undefined {
  if (hooks.length === 0) return undefined;
  const tests = hooks.map((hook) => ({ hook, fits: pathTest(hook.path) }));
  const kept = new Map<string, readonly Hook[] | undefined>();
  return (path) => {
    if (kept.has(path)) return kept.get(path);
    const fitting = tests.filter(({ fits }) => fits(path)).map(({ hook }) => hook);
    const found = fitting.length === 0 ? undefined : fitting;
    if (path.length > longestKept) return found;
    if (kept.size >= mostKept) kept.clear();
    kept.set(path, found);
    return found;
  };
}

function pathTest(path: string | RegExp): (path: string) => boolean {
  if (typeof path !== "string") {
    // Without the flags that would make it remember where it was.
    const test = new RegExp(path.source, path.flags.replace(/[gy]/g, ""));
    return (given) => test.test(given);
  }
  if (path === "/") return () => true;
  return (given) => given.startsWith(path) && (given.length === path.length || given[path.length] === "/");
}

function checkList({ owner, hooks }: HooksOf): void {
  const seen = new Set<string>();
  for (const { on, method, path, run } of hooks) {
    const shown = `${owner}: the hook ${String(on)} of ${String(path)}`;
    if (!kinds.includes(on)) throw wrong(`${shown} is none of ${kinds.join(", ")}`);
    if (method !== undefined && !methods.includes(method))
      throw wrong(`${shown} has ${method} as its method; there are ${methods.join(", ")}`);
    if (!(path instanceof RegExp) && (typeof path !== "string" || !/^\/(?:[^?#\s]*[^/?#\s])?$/.test(path)))
      throw wrong(`${shown} needs a path that begins with / and does not end in one, or a regular expression`);
    if (typeof run !== "function") throw wrong(`${shown} has no function run`);
    const key = `${on} ${method ?? ""} ${String(path)}`;
    if (seen.has(key)) throw wrong(`${shown} is given twice`);
    seen.add(key);
  }
}

function wrong(what: string): BkError {
  return new BkError("invalid", `hooks: ${what}`, { detail: { field: "hooks" } });
}
