// The modules of Node, where the runtime has them. They are asked for and not imported, so that a bundle with all of this
// code loads in workers and browsers too.

import type * as asyncHooks from "node:async_hooks";
import type * as crypto from "node:crypto";
import type * as diagnosticsChannel from "node:diagnostics_channel";
import type { once } from "node:events";
import type * as fs from "node:fs";
import type * as http from "node:http";
import type * as https from "node:https";
import type { createRequire } from "node:module";
import type * as net from "node:net";
import type * as os from "node:os";
import type * as path from "node:path";
import type { Worker } from "node:worker_threads";

/** What is used of `node:sqlite`; the types of the oldest supported Node do not have it. */
interface NodeSqlite {
  readonly DatabaseSync: new (
    path: string,
    options: { readOnly: boolean; timeout: number; enableForeignKeyConstraints: boolean },
  ) => NodeDatabase;
  readonly StatementSync: { readonly prototype: object };
}
interface NodeDatabase {
  prepare(text: string): NodeStatement;
  exec(text: string): void;
  function(name: string, options: { deterministic: boolean; varargs: boolean }, run: (...texts: (string | null)[]) => string): void;
  close(): void;
  readonly isTransaction: boolean;
}
interface NodeStatement {
  get(...values: readonly unknown[]): unknown;
  all(...values: readonly unknown[]): unknown[];
  run(...values: readonly unknown[]): { changes: number | bigint };
  columns(): { name: string }[];
  setReturnArrays(arrays: boolean): void;
  setReadBigInts(enabled: boolean): void;
}

/** The modules that the packages ask for. */
export interface NodeModules {
  readonly "node:async_hooks": typeof asyncHooks;
  readonly "node:crypto": typeof crypto;
  readonly "node:diagnostics_channel": typeof diagnosticsChannel;
  readonly "node:events": { readonly once: typeof once };
  readonly "node:fs": typeof fs;
  readonly "node:http": typeof http;
  readonly "node:https": typeof https;
  readonly "node:module": { readonly createRequire: typeof createRequire };
  readonly "node:net": typeof net;
  readonly "node:os": typeof os;
  readonly "node:path": typeof path;
  readonly "node:sqlite": NodeSqlite;
  readonly "node:worker_threads": { readonly Worker: typeof Worker };
}

/** A module of Node such as `node:crypto`; undefined where the runtime has none. */
export function findNodeModule<Name extends keyof NodeModules>(name: Name): NodeModules[Name] | undefined {
  return globalThis.process?.getBuiltinModule?.(name) as NodeModules[Name] | undefined;
}

/**
 * A module of Node that the caller cannot do without.
 *
 * @throws Error where the runtime does not have it, naming it
 */
export function nodeModule<Name extends keyof NodeModules>(name: Name): NodeModules[Name] {
  const found = findNodeModule(name);
  if (found === undefined) throw new Error(`this needs ${name}, which this runtime does not have`);
  return found;
}
