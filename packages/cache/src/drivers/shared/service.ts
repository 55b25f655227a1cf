// The store in the process that keeps it, and its calls as plain data.

import type { SharedService } from "@bk/core/shared";
import type { DriverStats, Stored } from "../../driver.js";
import type { KeyMatch } from "../../keys.js";
import type { Operation } from "../../operation.js";
import { fromJson, type StoredJson, toJson } from "../../stored.js";
import type { LocalStore } from "../local/store.js";

/** A call; values are as JSON has them, a missing one is null. */
export type SharedCall =
  | { readonly do: "get"; readonly key: string }
  | { readonly do: "getMany"; readonly keys: readonly string[] }
  | { readonly do: "put"; readonly entries: readonly (readonly [string, StoredJson])[]; readonly ttlMs: number }
  | { readonly do: "del"; readonly keys: readonly string[] }
  | { readonly do: "apply"; readonly key: string; readonly operation: unknown }
  | { readonly do: "keys"; readonly match: KeyMatch }
  | { readonly do: "clear"; readonly match: KeyMatch }
  | { readonly do: "stats" };

export function sharedService(store: LocalStore): SharedService {
  const run = (call: SharedCall): unknown => {
    switch (call.do) {
      case "get":
        return sent(store.get(call.key));
      case "getMany":
        return call.keys.map((key) => sent(store.get(key)));
      case "put":
        for (const [key, value] of call.entries) store.put(key, fromJson(value), call.ttlMs);
        return null;
      case "del":
        return store.del(call.keys);
      case "apply":
        return sendable(store.apply(call.key, received(call.operation) as Operation));
      case "keys":
        return [...store.keys(call.match)];
      case "clear":
        return store.clear(call.match);
      case "stats":
        return store.stats() satisfies DriverStats;
    }
  };
  return { call: run };
}

const sent = (value: Stored | undefined): StoredJson | null => (value === undefined ? null : toJson(value));

/** Marks bytes and what is undefined in plain data; other lists and objects stay what they are. */
export function sendable(data: unknown): unknown {
  if (data === undefined) return { $u: 1 };
  if (data instanceof Uint8Array) return { $b: (toJson(data) as readonly [string])[0] };
  if (Array.isArray(data)) return data.map(sendable);
  if (typeof data !== "object" || data === null) return data;
  return Object.fromEntries(Object.entries(data).map(([name, member]) => [name, sendable(member)]));
}

export function received(data: unknown): unknown {
  if (Array.isArray(data)) return data.map(received);
  if (typeof data !== "object" || data === null) return data;
  if ("$u" in data) return undefined;
  if ("$b" in data) return fromJson([data.$b as string]);
  return Object.fromEntries(Object.entries(data).map(([name, member]) => [name, received(member)]));
}
