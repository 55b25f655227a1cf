// `bk-server db get|select|put …`: calls of the data API on the database itself, with the same parameters.

import { controlReader, type ControlName, type DataCall } from "../data/controls.js";
import { filterOf } from "../data/filter.js";
import { type Asked, reads } from "../data/reads.js";
import { nextTokenHeader } from "../data/row-forms.js";
import { ReplyText } from "../data/reply-rows.js";
import { readable, type ServedTable } from "../data/served-table.js";
import type { Row, ServedDb } from "../data/served-db.js";
import { toJson } from "../data/to-json.js";
import { togetherIn, type WriteCall, write, writeCalls } from "../data/writes.js";
import type { Field } from "../request/fields.js";
import type { Configuration } from "../settings/configuration.js";
import { pairOf } from "./fields.js";
import { type JsonOption, print, printJson, tell } from "./output.js";
import { type OwnTables, withOwnTables } from "./own-tables.js";
import { confirm } from "./secret.js";

export interface RowsOptions extends JsonOption {
  /** Secure columns too. */
  readonly secure?: boolean;
  readonly format?: string;
  readonly separator?: string;
}

/** A call of the data API by its name. @returns  what carries out the command */
export function rowsCommand(call: DataCall) {
  return (configuration: Configuration, options: RowsOptions, table: string, words: readonly string[]): Promise<void> =>
    withOwnTables(configuration, options, async (own) => {
      const db = own.db as unknown as ServedDb;
      if ((writeCalls as readonly string[]).includes(call)) {
        const asked = askedOf(configuration, own, call, own.table(table), words);
        return printJson(await write(db, call as WriteCall, asked, togetherIn(db)));
      }
      const forms = ["list", "select", "search"].includes(call) ? formOf(options) : [];
      const asked = askedOf(configuration, own, call, own.table(table), [...forms, ...words]);
      const reply = await reads[call as keyof typeof reads](db, asked);
      if (!(reply instanceof ReplyText)) return printJson(reply);
      process.stdout.write(reply.text === "" || reply.text.endsWith("\n") ? reply.text : `${reply.text}\n`);
      const next = reply.headers?.[nextTokenHeader];
      if (next) process.stderr.write(`more: _start=${next}\n`);
    });
}

/** With `--json` a page as HTTP has it; else rows, a line of JSON each, or as `--format` says. */
function formOf({ json = false, format = "ndjson", separator }: RowsOptions): string[] {
  if (json) return [];
  return [`_format=${format}`, ...(separator === undefined ? [] : [`_separator=${separator}`])];
}

function askedOf({ limits }: Configuration, own: OwnTables, call: DataCall, table: ServedTable, words: readonly string[]): Asked {
  const fields = new Map<string, Field>();
  const controls = new Map<ControlName, unknown>();
  for (const [name, value] of words.map(pairOf)) {
    if (name.startsWith("_")) controls.set(name as ControlName, value);
    else fields.set(name, { text: value });
  }
  return { table, tables: own.tables, caller: own.caller, fields, controls: controlReader(limits)(call, controls), limits };
}

/** The rows of a filter. */
function chosen(configuration: Configuration, own: OwnTables, table: ServedTable, words: readonly string[]): Row {
  const { fields, controls } = askedOf(configuration, own, "count", table, words);
  const seen = readable(table, own.caller).every;
  return filterOf(table, fields, { seen, ops: controls._ops, limits: configuration.limits });
}

/** Prints every row that a filter matches, page by page. */
export function scanCommand(configuration: Configuration, options: RowsOptions, name: string, words: readonly string[]): Promise<void> {
  return withOwnTables(configuration, options, async (own) => {
    const table = own.table(name);
    const filter = chosen(configuration, own, table, words);
    const seen = readable(table, own.caller).every.names;
    const select =
      table.settings.open === true ? {} : { select: [...seen].filter((column) => !table.columns.get(column)!.definition.hidden) };
    const rows = own.db.scan(name, filter as never, select as never) as unknown as { pages(): AsyncIterable<Row[]> };
    for await (const page of rows.pages()) print(...page.map((row) => JSON.stringify(toJson(table, row))));
  });
}

export interface DeleteOptions extends JsonOption {
  readonly yes?: boolean;
}

/** Deletes every row that a filter matches. */
export function deleteRowsCommand(
  configuration: Configuration,
  options: DeleteOptions,
  name: string,
  words: readonly string[],
): Promise<void> {
  return withOwnTables(configuration, { secure: true }, async (own) => {
    const filter = chosen(configuration, own, own.table(name), words);
    const which = words.length === 0 ? "every row" : `every row with ${words.join(" ")}`;
    await confirm(`${which} of ${name} is deleted`, options);
    const all = words.length === 0 ? { all: true } : {};
    const { affected } = await (own.db as unknown as DelAll).delAll(name, filter, { ...all, scan: true });
    tell(options, { table: name, affected }, `${name}: ${affected} rows deleted`);
  });
}

interface DelAll {
  delAll(table: string, filter: Row, options: object): Promise<{ readonly affected: number }>;
}
