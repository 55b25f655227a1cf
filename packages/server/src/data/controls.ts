// The control parameters: one schema each, which validates requests and describes them in the OpenAPI document.

import * as z from "zod";

import { badRequest } from "../error-response.js";
import { operatorNamed } from "./operators.js";

/** Limits of the data API; settings of the server. */
export interface DataLimits {
  /** Most rows of a page. */
  readonly maxCount: number;
  /** Most items of a batch and keys of a list. */
  readonly maxItems: number;
}

const columnList = z.array(z.string().min(1)).min(1).max(200);
const flag = z.boolean();

/** The schemas by name. Their texts are those of the OpenAPI document. */
export function controlSchemas({ maxCount, maxItems }: DataLimits) {
  return {
    _count: z.int().min(1).max(maxCount).describe("Rows of a page, default 50."),
    _start: z.string().min(1).max(8192).describe("`next_token` of the page before, with the same table, filter and sort."),
    _select: columnList.describe("The columns to give: a comma list or a list."),
    _sort: columnList.describe("Columns to sort by: a comma list or a list; `-` in front for descending order."),
    _desc: flag.describe("Turns the direction of every sort column around."),
    _ops: z
      .record(z.string(), z.string())
      .describe(
        "Operator by column: `col,op,col,op…` or an object. Of filters, for update of changes (`incr`, `append`, `prepend`, `add`, `del`, `unset`).",
      ),
    _scan: flag.describe("Allows a read of the whole table where no key or index serves the filter. Admins only."),
    _consistent: flag.describe("Reads what every acknowledged write left, where the database could give older rows."),
    _total: flag.describe("Gives `{ count }`, the number of all rows that match, in place of a page."),
    _returning: z.enum(["new", "old"]).describe("Gives the row after or before the write as `row`."),
    _keys: z.array(z.unknown()).min(1).max(maxItems).describe("Keys as a JSON list; for keys of one column a comma list too."),
    _where: z.record(z.string(), z.unknown()).describe("A filter, as JSON, that the row must fit to be changed."),
    _upsert: flag.describe("Makes the row where it is missing."),
    _mustMatch: flag.describe("Answers 404 or 409, instead of `affected: 0`, where no row fits."),
    _q: z.string().min(1).max(1000).describe("The words to search for; `-word` leaves rows with it out."),
  } as const;
}

export type ControlName = keyof ReturnType<typeof controlSchemas>;
export type Controls = { readonly [Name in ControlName]?: z.infer<ReturnType<typeof controlSchemas>[Name]> };

const paging: readonly ControlName[] = ["_count", "_start", "_select", "_sort", "_desc", "_ops", "_consistent"];

/** The control parameters of each call; any other is refused. */
export const controlsOf = {
  get: ["_select", "_consistent"],
  list: ["_keys", "_select", "_consistent"],
  select: [...paging, "_scan", "_total"],
  search: ["_q", "_count", "_start", "_select", "_sort", "_desc", "_ops"],
  count: ["_ops", "_scan", "_consistent"],
  add: ["_returning"],
  put: ["_returning"],
  update: ["_returning", "_ops", "_where", "_upsert", "_mustMatch"],
  incr: ["_returning", "_where", "_mustMatch"],
  del: ["_returning", "_where", "_mustMatch"],
} as const satisfies Readonly<Record<string, readonly ControlName[]>>;

export type DataCall = keyof typeof controlsOf;

/** How the text of a query string or form is read before its schema looks at it; undefined when it cannot be. */
const texts: { readonly [Name in ControlName]: (text: string) => unknown } = {
  _count: (text) => (/^\d{1,9}$/.test(text) ? Number(text) : undefined),
  _start: (text) => text,
  _select: (text) => text.split(","),
  _sort: (text) => text.split(","),
  _desc: readFlag,
  _ops: (text) => (text.startsWith("{") ? readJson(text) : pairs(text)),
  _scan: readFlag,
  _consistent: readFlag,
  _total: readFlag,
  _returning: (text) => text,
  _keys: (text) => (text.startsWith("[") ? readJson(text) : text.split(",")),
  _where: readJson,
  _upsert: readFlag,
  _mustMatch: readFlag,
  _q: (text) => text,
};

function readFlag(text: string): boolean | undefined {
  return text === "1" || text === "true" ? true : text === "0" || text === "false" ? false : undefined;
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // The schema then says what the parameter must be, without repeating what was sent.
    return undefined;
  }
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
  return (call, given) => {
    const read: Record<string, unknown> = {};
    for (const [name, value] of given) {
      const known: readonly string[] = controlsOf[call];
      if (!known.includes(name))
        throw badRequest(`unknown control parameter ${JSON.stringify(name.slice(0, 50))}; ${call} takes ${known.join(", ")}`);
      const control = name as ControlName;
      const plain = typeof value === "string" ? texts[control](value) : listOf(control, value);
      const result = schemas[control].safeParse(plain);
      if (!result.success) throw badRequest(`${name}: ${problemOf(result.error, plain)}`);
      read[name] = result.data;
    }
    const controls = read as Controls;
    if (controls._ops !== undefined && call !== "update") return { ...controls, _ops: filterOps(controls._ops) };
    return controls;
  };
}

/** A parameter that was given several times is a list for those that take one. */
function listOf(name: ControlName, value: unknown): unknown {
  if (name === "_keys" && Array.isArray(value)) return value;
  return Array.isArray(value) && value.length === 1 && typeof value[0] === "string" ? texts[name](value[0]) : value;
}

function problemOf(error: z.ZodError, plain: unknown): string {
  if (plain === undefined) return "its form cannot be read";
  return error.issues.map((issue) => issue.message).join("; ");
}

function filterOps(ops: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(ops).map(([column, name]) => {
      const operator = operatorNamed(name);
      if (operator === undefined)
        throw badRequest(`_ops: unknown operator ${JSON.stringify(name.slice(0, 30))} for ${column.slice(0, 50)}`);
      return [column, operator];
    }),
  );
}
