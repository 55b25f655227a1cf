// The control parameters: one schema each, which validates requests and describes them in the OpenAPI document.

import * as z from "zod";

import { badRequest, HttpError } from "../error-response.js";
import { parseJson } from "../request/json.js";
import { operatorNamed } from "./operator-named.js";

/** Limits of the data API; settings of the server. */
export interface DataLimits {
  /** Most rows of a page. */
  readonly maxCount: number;
  /** Most items of a batch, keys of a list, and values in the lists of a filter. */
  readonly maxItems: number;
  /** How deep JSON may be nested, in bodies and in parameters. */
  readonly maxJsonDepth: number;
  /** Most comparisons in a filter. */
  readonly maxFilterTests: number;
  /** How many of them may look inside of texts. */
  readonly maxFilterPatterns: number;
  /** How deep `$or`, `$and` and `$not` may be nested. */
  readonly maxFilterDepth: number;
  /** Most bytes of a reply with rows. */
  readonly maxReplyBytes: number;
}

const columnList = z.array(z.string().min(1)).min(1).max(200);
const flag = z.boolean();

/** The schemas by name. Their texts are those of the OpenAPI document. */
export function controlSchemas({ maxCount, maxItems }: Pick<DataLimits, "maxCount" | "maxItems">) {
  return {
    _count: z.int().min(1).max(maxCount).describe("Rows of a page, default 50. Of aggregate its groups."),
    _start: z.string().min(1).max(8192).describe("`next_token` of the page before, with the same table, filter and sort."),
    _by: columnList.describe("The columns that groups are made by: a comma list or a list. Without, one row over all rows."),
    _sum: columnList.describe("Columns of numbers to add, as lists in `_by` are written."),
    _avg: columnList.describe("Columns of numbers to give the average of."),
    _min: columnList.describe("Columns to give the first value of, in their order."),
    _max: columnList.describe("Columns to give the last value of, in their order."),
    _select: columnList.describe("The columns to give: a comma list or a list."),
    _include: z
      .record(z.string(), z.unknown())
      .describe(
        "Rows of other tables to read along: a comma list of references, or JSON by name: `true` or `{ by, select, include }` for the row that is referred to, `{ from, by, select, filter, sort, count, include }` for the rows that refer to it.",
      ),
    _sort: columnList.describe(
      "Columns to sort by: a comma list or a list; `-` in front for descending order. Of aggregate columns of `_by`, `count()` and what is computed, such as `sum(stars)`.",
    ),
    _desc: flag.describe("Turns the direction of every sort column around."),
    _ops: z
      .record(z.string(), z.string())
      .describe(
        "Operator by column: `col,op,col,op…` or an object. Of filters, for update of changes (`incr`, `append`, `prepend`, `add`, `del`, `unset`).",
      ),
    _scan: flag.describe("Allows a read of the whole table where no key or index serves the filter. Admins only."),
    _consistent: flag.describe("Reads what every acknowledged write left, where the database could give older rows."),
    _format: z
      .enum(["json", "csv", "ndjson", "xml"])
      .describe("How the rows are written, default json; in the others the token of the next page is in the header `bk-next-token`."),
    _separator: z.enum([",", ";", "|", "tab"]).describe("What is between the cells of CSV, default a comma."),
    _total: flag.describe("Gives `{ count }`, the number of all rows that match, in place of a page."),
    _returning: z.enum(["new", "old"]).describe("Gives the row after or before the write as `row`."),
    _keys: z.array(z.unknown()).min(1).max(maxItems).describe("Keys as a JSON list; for keys of one column a comma list too."),
    _where: z.record(z.string(), z.unknown()).describe("A filter, as JSON, that the row must fit to be changed."),
    _checkRefs: flag.describe(
      "The rows must be there, and open to the account, that the written columns refer to: 404 with the column as `field` where one is not.",
    ),
    _upsert: flag.describe("Makes the row where it is missing."),
    _mustMatch: flag.describe("Answers 404 or 409, instead of `affected: 0`, where no row fits."),
    _q: z.string().min(1).max(1000).describe("The words to search for; `-word` leaves rows with it out."),
    _highlight: flag.describe(
      "Gives `highlights`, an object for each row: by column where the words stand, as pairs of start and end in UTF-16 code units.",
    ),
  } as const;
}

type Schemas = ReturnType<typeof controlSchemas>;
export type ControlName = keyof Schemas;
export type Controls = { readonly [Name in Exclude<ControlName, "_ops">]?: z.infer<Schemas[Name]> } & {
  /** A map: columns may be named as the members that every object has. */
  readonly _ops?: ReadonlyMap<string, string>;
};

/** Completes "must be" where a parameter is refused. */
function formsOf({ maxCount, maxItems }: DataLimits): Readonly<Record<ControlName, string>> {
  const isFlag = "true or false";
  const columns = "a list of 1 to 200 column names";
  return {
    _count: `an integer from 1 to ${maxCount}`,
    _start: "the next_token of a page",
    _by: columns,
    _sum: columns,
    _avg: columns,
    _min: columns,
    _max: columns,
    _select: columns,
    _include: "names of references, or a JSON object of what is to be included",
    _sort: columns,
    _desc: isFlag,
    _ops: "pairs of a column and an operator: col,op,col,op or a JSON object",
    _scan: isFlag,
    _consistent: isFlag,
    _format: "json, csv, ndjson or xml",
    _separator: "a comma, a semicolon, | or tab",
    _total: isFlag,
    _returning: "new or old",
    _keys: `a JSON list of 1 to ${maxItems} keys`,
    _where: "a JSON object of columns and values",
    _checkRefs: isFlag,
    _upsert: isFlag,
    _mustMatch: isFlag,
    _q: "the words to search for, at most 1000 characters",
    _highlight: isFlag,
  };
}

const paging = ["_count", "_start", "_select", "_sort", "_desc", "_ops", "_consistent"] as const satisfies readonly ControlName[];

const forms = ["_format", "_separator"] as const satisfies readonly ControlName[];

/** The control parameters of each call; any other is refused. */
export const controlsOf = {
  get: ["_select", "_include", "_consistent"],
  list: ["_keys", "_select", "_include", "_consistent", ...forms],
  select: [...paging, "_include", "_scan", "_total", ...forms],
  search: ["_q", "_highlight", "_count", "_start", "_select", "_include", "_sort", "_desc", "_ops", ...forms],
  count: ["_ops", "_scan", "_consistent"],
  aggregate: ["_by", "_sum", "_avg", "_min", "_max", "_count", "_start", "_sort", "_desc", "_ops", "_scan", "_consistent"],
  add: ["_returning", "_checkRefs"],
  put: ["_returning", "_checkRefs"],
  update: ["_returning", "_checkRefs", "_ops", "_where", "_upsert", "_mustMatch"],
  incr: ["_returning", "_checkRefs", "_where", "_mustMatch"],
  del: ["_returning", "_where", "_mustMatch"],
} as const satisfies Readonly<Record<string, readonly ControlName[]>>;

export type DataCall = keyof typeof controlsOf;

/** The control parameters of scan, which is served where it is turned on. */
export const scanControls = ["_start", "_select", "_ops", "_consistent"] as const satisfies readonly ControlName[];

/** The control parameters without which a call is refused. */
export const requiredControls: { readonly [Call in DataCall]?: ControlName } = { list: "_keys", search: "_q" };

type ReadText = (text: string, maxDepth: number) => unknown;

/** How the text of a query string or form is read before its schema looks at it; undefined when it cannot be. */
const texts: { readonly [Name in ControlName]: ReadText } = {
  _count: (text) => (/^\d{1,9}$/.test(text) ? Number(text) : undefined),
  _start: (text) => text,
  _by: names,
  _sum: names,
  _avg: names,
  _min: names,
  _max: names,
  _select: names,
  _sort: names,
  _include: (text, maxDepth) =>
    text.startsWith("{")
      ? parseJson(text, maxDepth, "_include", "_include")
      : Object.fromEntries(text.split(",").map((name) => [name, true])),
  _desc: readFlag,
  _ops: (text, maxDepth) => (text.startsWith("{") ? parseJson(text, maxDepth, "_ops", "_ops") : pairs(text)),
  _scan: readFlag,
  _consistent: readFlag,
  _format: (text) => text,
  _separator: (text) => (text === "\t" ? "tab" : text),
  _total: readFlag,
  _returning: (text) => text,
  _keys: (text, maxDepth) => (text.startsWith("[") ? parseJson(text, maxDepth, "_keys", "_keys") : text.split(",")),
  _where: (text, maxDepth) => parseJson(text, maxDepth, "_where", "_where"),
  _checkRefs: readFlag,
  _upsert: readFlag,
  _mustMatch: readFlag,
  _q: (text) => text,
  _highlight: readFlag,
};

function names(text: string): string[] {
  return text.split(",");
}

function readFlag(text: string): boolean | undefined {
  return text === "1" || text === "true" ? true : text === "0" || text === "false" ? false : undefined;
}

function pairs(text: string): Record<string, string> | undefined {
  const parts = text.split(",");
  if (parts.length % 2 !== 0) return undefined;
  return Object.fromEntries(Array.from({ length: parts.length / 2 }, (_each, i) => [parts[2 * i]!, parts[2 * i + 1]!]));
}

export type ReadControls = (call: DataCall, given: ReadonlyMap<string, unknown>) => Controls;

/** Makes the reader of control parameters: names that the call does not take, and values out of range, are refused by name. */
export function controlReader(limits: DataLimits): ReadControls {
  const schemas = controlSchemas(limits);
  const forms = formsOf(limits);
  return (call, given) => {
    const read: Record<string, unknown> = {};
    for (const [name, value] of given) {
      const known: readonly string[] = controlsOf[call];
      if (!known.includes(name))
        throw badRequest(`unknown control parameter ${JSON.stringify(name.slice(0, 50))}; ${call} takes ${known.join(", ")}`, name);
      const control = name as ControlName;
      const result = schemas[control].safeParse(plainOf(control, value, limits.maxJsonDepth));
      if (!result.success) throw badRequest(`${name} must be ${forms[control]}`, name);
      read[name] = control === "_ops" ? opsOf(call, result.data as Readonly<Record<string, string>>) : result.data;
    }
    return read as Controls;
  };
}

/** A parameter that was given several times is a list for those that take one. */
function plainOf(name: ControlName, value: unknown, maxDepth: number): unknown {
  if (typeof value === "string") return texts[name](value, maxDepth);
  if (name === "_keys" || !Array.isArray(value) || value.length !== 1 || typeof value[0] !== "string") return value;
  return texts[name](value[0], maxDepth);
}

/** Operators by column; of filters by their canonical names. Those of changes are looked at together with the row. */
function opsOf(call: DataCall, ops: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  const given = Object.entries(ops);
  if (call === "update") return new Map(given);
  return new Map(
    given.map(([column, name]): [string, string] => {
      const operator = operatorNamed(name);
      if (operator !== undefined) return [column, operator];
      throw badRequest(`_ops: unknown operator ${JSON.stringify(name.slice(0, 30))} for ${column.slice(0, 50)}`, "_ops");
    }),
  );
}

/** The same error, told of one item of a list. */
export function ofItem(i: number, error: unknown): unknown {
  if (!(error instanceof HttpError)) return error;
  const { message, code, status, field } = error.body;
  return new HttpError(error.code, `item ${i}: ${message}`, { status, code, headers: error.headers, field: field ?? `items[${i}]` });
}
