// The tables that an app declares in a file.

import { readFile } from "node:fs/promises";
import { extname, resolve } from "node:path";

import { BkError } from "@bk/core";
import { table, type TableDefinitions } from "@bk/db";

import type { RulesByTable } from "../modules/module-rules.js";
import { codeEndings, importFile } from "./import-file.js";

/** What a file of tables says. */
export interface LoadedTables {
  readonly tables: TableDefinitions;
  /** Rules of tables that modules have: of those which are named without columns. */
  readonly moduleRules: RulesByTable;
}

/**
 * Reads the tables of a file: `.js`, `.mjs`, `.ts` or `.mts` that exports `tables`, or `.json`. The settings of a table stand under
 * the key `$table`, beside its columns; `{ $table: { rules } }` alone gives rules to a table of a module.
 *
 * @throws BkError `invalid` that names the file; `openDb` checks the definitions themselves
 */
export async function loadTables(file: string): Promise<LoadedTables> {
  const extension = extname(file).toLowerCase();
  const read = readers[extension];
  if (read === undefined) throw invalid(file, `must end in ${Object.keys(readers).join(", ")}`);
  const tables = await read(resolve(file), file);
  if (!isObject(tables)) throw invalid(file, "must hold an object of tables by name");
  const loaded = { tables: {} as Record<string, unknown>, moduleRules: {} as Record<string, unknown> };
  for (const [name, definition] of Object.entries(tables)) {
    const wrong = (what: string): BkError => invalid(file, `table ${JSON.stringify(name.slice(0, 60))}${what}`);
    if (!isObject(definition)) throw wrong(" must be an object of columns");
    const { $table: settings, ...columns } = definition;
    if (!Object.hasOwn(definition, "$table")) loaded.tables[name] = definition;
    else if (!isObject(settings)) throw wrong(": $table must be an object of settings");
    else if (Object.keys(columns).length === 0 && Object.keys(settings).join() === "rules") loaded.moduleRules[name] = settings["rules"];
    else loaded.tables[name] = table(columns as never, settings);
  }
  return loaded as LoadedTables;
}

type Reader = (path: string, file: string) => Promise<unknown>;

const readers: Readonly<Record<string, Reader>> = {
  ".json": readJson,
  ...Object.fromEntries(codeEndings.map((ending) => [ending, readModule])),
};

async function readJson(path: string, file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw invalid(file, `cannot be read (${(cause as NodeJS.ErrnoException).code})`, cause);
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw invalid(file, `is not valid JSON: ${(cause as Error).message}`, cause);
  }
}

async function readModule(path: string, file: string): Promise<unknown> {
  const { tables } = await importFile(path, (what, cause) => invalid(file, what, cause));
  if (tables === undefined) throw invalid(file, "has no export named tables");
  return tables;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(file: string, what: string, cause?: unknown): BkError {
  return new BkError("invalid", `tables: ${file} ${what}`, { detail: { field: "tables" }, cause });
}
