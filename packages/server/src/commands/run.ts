// `bk-server run FILE`: a script of the app, with the database open. Without a file it serves.

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { inspect } from "node:util";

import { BkError } from "@bk/core";

import type { Configuration } from "../settings/configuration.js";
import { openDatabase } from "./open-database.js";
import { type JsonOption, tell } from "./output.js";
import { serve } from "./serve.js";

/** What a script is given: it exports `run`, or a function as its default. */
export interface Script {
  (given: {
    readonly db: Awaited<ReturnType<typeof openDatabase>>["db"];
    readonly config: Configuration["config"];
    readonly tables: readonly string[];
    /** The words behind the file. */
    readonly args: readonly string[];
  }): unknown;
}

/** Runs a script, and prints what it returns. */
export async function runCommand(
  configuration: Configuration,
  { json = false }: JsonOption,
  file: string | undefined,
  args: readonly string[],
): Promise<unknown> {
  if (file === undefined) return serve(configuration);
  const script = await load(file);
  const { db, tables } = await openDatabase(configuration);
  try {
    const value = await script({ db, config: configuration.config, tables: Object.keys(tables), args });
    if (value !== undefined) tell({ json }, value, inspect(value, { depth: 6, colors: process.stdout.isTTY }));
  } finally {
    await db.close();
  }
}

async function load(file: string): Promise<Script> {
  let module: { readonly run?: unknown; readonly default?: unknown };
  try {
    module = (await import(pathToFileURL(resolve(file)).href)) as typeof module;
  } catch (cause) {
    throw new BkError("invalid", `${file} cannot be loaded: ${(cause as Error).message}`, { detail: { field: "file" }, cause });
  }
  const script = module.run ?? module.default;
  if (typeof script !== "function")
    throw new BkError("invalid", `${file} exports neither run nor a function as its default`, { detail: { field: "file" } });
  return script as Script;
}
