// A database in one JSON file, for one process at a time: read as a whole when it is opened, written as a whole before a
// write is acknowledged. The shortest driver that keeps every promise: a store of four calls, given to the engine.

import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, resolve as absolute } from "node:path";

import { type Clock, parseConnectUrl } from "@bk/core";
import { type Classified, DbError, type Driver, type DriverOptions } from "@bk/db";
import { compareText, entryOf, keyOfEntry, kvDriver } from "@bk/db/kv";
import type { KvChange, KvCommand, KvLink, KvRange, KvResult, KvStore } from "@bk/db/kv";

interface Row {
  readonly value: string;
  readonly links: readonly KvLink[];
}
type Rows = ReadonlyMap<string, Row>;
type Tables = ReadonlyMap<string, Rows>;

/**
 * Opens `json:path/to/file.json`; the file and its folder are made by the first write.
 *
 * @throws DbError `invalid` for a URL without a path and for any option; `drift` when the file holds something else
 */
export async function jsonFileDriver({ url, options, clock }: DriverOptions): Promise<Driver<KvCommand>> {
  const { path, hosts, options: inUrl } = parseConnectUrl(url);
  const [unknown] = [...Object.keys(inUrl), ...Object.keys(options)];
  if (unknown !== undefined) throw new DbError("invalid", `json-file: unknown option "${unknown}"`, { detail: { field: unknown } });
  if (path === undefined || hosts.length > 0)
    throw new DbError("invalid", "json-file: write the URL as json:path/to/file.json", { detail: { field: "url" } });
  return driverOver(await jsonFileStore(path), clock);
}

/** Claims what the engine does; gets and puts of one tick are groups, so that one write of the file serves them. */
export function driverOver(store: KvStore, clock: Clock): Driver<KvCommand> {
  return kvDriver("json-file", store, {
    clock,
    classify,
    capabilities: { group: { get: { most: 1000, outcome: "whole" }, put: { most: 1000, outcome: "whole" } } },
  });
}

/** Errors of the file system: the old file is still there, so nothing was done. */
function classify(error: unknown): Classified | undefined {
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === "string" ? { code: "unavailable", outcome: "none", message: `the file cannot be written (${code})` } : undefined;
}

async function readTables(path: string): Promise<Tables> {
  try {
    const tables = JSON.parse(await readFile(path, "utf8")) as [string, [string, Row][]][];
    return new Map(tables.map(([name, rows]) => [name, new Map(rows)]));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return new Map();
    throw new DbError("drift", "json-file: there is something else where the file should be", { cause });
  }
}

/** Replaces the file at once: whoever reads it, also after a crash, finds all of the old text or all of the new one. */
async function saveTables(path: string, tables: Tables): Promise<void> {
  const text = JSON.stringify([...tables].map(([name, rows]) => [name, [...rows]]));
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.new`, text, { flush: true });
  await rename(`${path}.new`, path);
}

interface WaitingWrite {
  readonly changes: readonly KvChange[];
  readonly resolve: (result: KvResult) => void;
  readonly reject: (error: unknown) => void;
}

export async function jsonFileStore(name: string): Promise<KvStore> {
  const path = absolute(name);
  let tables = await readTables(path);
  let waiting: WaitingWrite[] = [];
  let saving: Promise<void> | undefined;
  const rowsOf = (table: string): Rows => tables.get(table) ?? new Map<string, Row>();

  /** Carries out everything that waits, with one write of the file for all of it; readers see it when it is saved. */
  async function save(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      const draft = new Map<string, Map<string, Row>>();
      const results = batch.map(({ changes }) => carryOut(changes, tables, draft));
      const after = new Map([...tables, ...draft]);
      try {
        if (draft.size > 0) await saveTables(path, after);
        tables = after;
        batch.forEach((write, i) => write.resolve(results[i]!));
      } catch (error) {
        for (const write of batch) write.reject(error);
      }
    }
    saving = undefined;
  }

  return {
    get: async (table, keys) => keys.map((key) => rowsOf(table).get(key)?.value),
    async range(table, range, { descending, limit }) {
      const entries = entriesOf(rowsOf(table), range);
      if (descending) entries.reverse();
      const page = entries.slice(0, limit);
      const valueAt = (entry: string): string => rowsOf(table).get(range.space === undefined ? entry : keyOfEntry(entry))!.value;
      return {
        entries: page.map((entry) => ({ entry, value: valueAt(entry) })),
        end: entries.length > limit ? page.at(-1) : undefined,
      };
    },
    write: (changes) =>
      new Promise((resolve, reject) => {
        waiting.push({ changes, resolve, reject });
        saving ??= Promise.resolve().then(save);
      }),
    count: async (table, range) => entriesOf(rowsOf(table), range).length,
    close: async () => saving,
  };
}

function entriesOf(rows: Rows, { space, from, to }: KvRange): string[] {
  const isIn = (entry: string): boolean => compareText(entry, from) >= 0 && (to === undefined || compareText(entry, to) < 0);
  const entries: string[] = [];
  for (const [key, { links }] of rows) {
    if (space === undefined) entries.push(key);
    for (const link of links) if (link.space === space) entries.push(entryOf(link.text, key));
  }
  return entries.filter(isIn).sort(compareText);
}

/** Makes all changes in the draft, or none. Tables are copied when they are first changed. */
function carryOut(changes: readonly KvChange[], tables: Tables, draft: Map<string, Map<string, Row>>): KvResult {
  const rowsOf = (table: string): Rows => draft.get(table) ?? tables.get(table) ?? new Map<string, Row>();
  const conflict = changes.findIndex(({ table, key, expect }) => {
    const row = rowsOf(table).get(key);
    if (expect === undefined) return false;
    return expect === "absent" ? row !== undefined : row === undefined || (expect !== "present" && row.value !== expect.value);
  });
  if (conflict >= 0) return { kind: "conflict", change: conflict };

  const names = [...new Set(changes.map(({ table }) => table))];
  const next = new Map(names.map((name) => [name, new Map(rowsOf(name))]));
  for (const { table, key, value, links } of changes)
    if (value === undefined) next.get(table)!.delete(key);
    else next.get(table)!.set(key, { value, links });
  // Whether a text is unique is asked when all changes are made: one may pass from a row to another. The last one is too many.
  for (const [change, { table, key, links }] of [...changes.entries()].reverse())
    for (const { space, text } of links.filter((link) => link.unique))
      for (const [owner, row] of next.get(table)!)
        if (owner !== key && row.links.some((link) => link.space === space && link.text === text))
          return { kind: "taken", change, space, owner };
  for (const [name, rows] of next) draft.set(name, rows);
  return { kind: "done" };
}
