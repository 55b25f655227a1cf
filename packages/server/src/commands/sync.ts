// `bk-server sync`

import type { SyncResult } from "@bk/db";

import type { Configuration } from "../settings/configuration.js";
import { showProgress } from "../transfer/progress.js";
import { openUnsynced } from "./open-database.js";
import { type JsonOption, tell } from "./output.js";

export interface SyncOptions extends JsonOption {
  readonly dryRun?: boolean;
  readonly backfill?: boolean | string;
}

/** Makes what is missing of the declared tables, fills rows that are older than their columns, and prints what it did. */
export async function syncCommand(configuration: Configuration, { dryRun = false, backfill = false, json }: SyncOptions): Promise<void> {
  const { db } = await openUnsynced(configuration);
  let progress: { readonly table: string; readonly bar: ReturnType<typeof showProgress> } | undefined;
  try {
    const result = await db.sync({
      dryRun,
      ...(backfill === false ? {} : { backfill: typeof backfill === "string" ? backfill.split(",") : true, onProgress: showStep }),
    });
    progress?.bar.end();
    tell({ json }, { ...result, drift: result.drift.map(({ message }) => message) }, ...linesOf(result));
  } finally {
    progress?.bar.end();
    await db.close();
  }

  function showStep({ table, rows }: { readonly table: string; readonly rows: number }): void {
    if (progress?.table !== table) {
      progress?.bar.end();
      progress = { table, bar: showProgress(`filling ${table}`) };
    }
    progress.bar.update(rows, undefined);
  }
}

function linesOf({ created, altered, indexed, drift, filled = {} }: SyncResult): string[] {
  const lines = [
    ...created.map((name) => `table ${name}`),
    ...altered.map((name) => `column ${name}`),
    ...indexed.map((name) => `index ${name}`),
    ...drift.map(({ message }) => `drift: ${message}`),
    ...Object.entries(filled).map(([name, rows]) => `${name}: ${rows} rows filled`),
  ];
  return lines.length === 0 ? ["nothing to do"] : lines;
}
