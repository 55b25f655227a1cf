// Rows as CSV (RFC 4180), as JSON a line, and as XML.

import type { ColumnSet } from "@bk/auth/row-rules";
import { stringify } from "csv-stringify/sync";

import { badRequest } from "../error-response.js";
import type { Controls } from "./controls.js";
import { csvCell } from "./csv-cell.js";
import { isJsonColumn } from "./from-text.js";
import { type RowForm, ReplyText } from "./reply-rows.js";
import type { ServedTable } from "./served-table.js";

/** Where a page says how it goes on that is not JSON. */
export const nextTokenHeader = "bk-next-token";

/**
 * How the rows of a read are written; undefined: as a page in JSON.
 *
 * @param seen  the columns that the caller sees of some row
 * @throws HttpError 400 for a separator of what is not CSV, and for what has no place beside rows in such a form
 */
export function formOf(table: ServedTable, seen: ColumnSet, controls: Controls): RowForm | undefined {
  const { _format, _separator, _include, _highlight } = controls;
  if (_format === undefined && _separator === undefined) return undefined;
  if (_separator !== undefined && _format !== "csv") throw badRequest("_separator is for _format=csv", "_separator");
  if (_format === undefined || _format === "json") return undefined;
  if (_highlight === true) throw badRequest(`_highlight and _format=${_format} do not go together`, "_highlight");
  if (_format === "ndjson") return ndjson;
  if (_include !== undefined) throw badRequest(`_include and _format=${_format} do not go together`, "_include");
  if (_format === "xml") return xml;
  // In an open table what is not declared is given where it is named.
  const columns = controls._select ?? [...table.columns.keys()].filter((name) => seen.names.has(name) && !isHidden(table, name));
  return csv(table, [...new Set(columns)], _separator === "tab" ? "\t" : (_separator ?? ","));
}

function isHidden(table: ServedTable, name: string): boolean {
  return table.columns.get(name)?.definition.hidden === true;
}

function csv(table: ServedTable, columns: readonly string[], delimiter: string): RowForm {
  const line = (cells: readonly string[]): string => stringify([cells], { delimiter, record_delimiter: "windows" });
  const isJson = columns.map((name) => isJsonColumn(table.columns.get(name)));
  return {
    row(row) {
      const values = row as Readonly<Record<string, unknown>>;
      return line(columns.map((name, i) => csvCell(Object.hasOwn(values, name) ? values[name] : undefined, isJson[i]!)));
    },
    page: (rows, next) =>
      new ReplyText(line(columns) + rows.join(""), {
        "content-type": "text/csv; charset=utf-8; header=present",
        "content-disposition": `attachment; filename="${table.name}.csv"`,
        ...nextHeader(next),
      }),
  };
}

const ndjson: RowForm = {
  row: (row) => `${JSON.stringify(row)}\n`,
  page: (rows, next) => new ReplyText(rows.join(""), { "content-type": "application/x-ndjson", ...nextHeader(next) }),
};

const xml: RowForm = {
  row(row) {
    const values = Object.entries(row).filter(([, value]) => value !== null && value !== undefined);
    return `<row>${values.map(([name, value]) => element(name, value)).join("")}</row>\n`;
  },
  page: (rows, next) =>
    new ReplyText(
      `<?xml version="1.0" encoding="UTF-8"?>\n<data><next_token>${escapeXml(next ?? "")}</next_token>\n${rows.join("")}</data>\n`,
      { "content-type": "application/xml; charset=utf-8", ...nextHeader(next) },
    ),
};

function element(name: string, value: unknown): string {
  const text =
    value instanceof Date
      ? value.toISOString()
      : typeof value === "object"
        ? JSON.stringify(value)
        : String(value as string | number | boolean);
  return `<${name}>${escapeXml(text)}</${name}>`;
}

const escapes: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;" };

/** Characters that XML 1.0 cannot hold, in no way, become U+FFFD. */
function escapeXml(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, "\uFFFD")
    .replaceAll(/[&<>\r]/g, (character) => escapes[character]!);
}

function nextHeader(next: string | undefined): Record<string, string> {
  return { [nextTokenHeader]: next ?? "" };
}
