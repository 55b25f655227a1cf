import { rowFilters, type ScopeOf, type TableDefinitions } from "@bk/db";

import { type Account, accountTypes } from "../account.js";
import { invalid } from "../errors.js";
import { authTables } from "../tables.js";
import { type FieldKind, fieldsOf, fillIn } from "./condition.js";
import { type Rule, type RuleTable, ruleTable } from "./rule-table.js";
import { isServed } from "./served-by.js";
import { type AccessScope, TableAccess } from "./table-access.js";

export interface RowRulesOptions {
  /** Fields that accounts have beside those of the table `bk_auth`, for conditions to name as `$account.FIELD`. */
  readonly accountFields?: Readonly<Record<string, FieldKind>>;
}

/** An account as rules see it: what `auth.check` gives, or a row of `bk_auth`. */
export type RuledAccount = Pick<Account, "id" | "type"> & { readonly [field: string]: unknown };

/** What one account may do with every table. */
export interface AccountRules<Tables extends TableDefinitions = TableDefinitions> {
  /** The tables that have rules: all. */
  readonly names: readonly string[];
  /** Undefined where there is no such table. */
  table(name: string): TableAccess | undefined;
  /**
   * What the account reads, for `db.scope`: of each table the rows of its rules, in the columns that it sees in all of them, and no
   * writes. Tables of which it reads nothing are not there. Columns that are hidden are not in the rows, whatever the types of the table say.
   */
  readonly reads: ScopeOf<Tables, Tables>;
}

export interface RowRules<Tables extends TableDefinitions = TableDefinitions> {
  /**
   * What an account may do; undefined: somebody who has none. The rules of accounts that are alike in what conditions name are made
   * once, and kept.
   */
  rulesFor(account: RuledAccount | undefined): AccountRules<Tables>;
  /** Tables that somebody without an account may use. */
  readonly anonymous: readonly string[];
  /** What works and will be slow, or be refused, on some databases; for a log. */
  readonly warnings: readonly string[];
  /** The tables with their rules, for showing them. */
  readonly tables: ReadonlyMap<string, RuleTable>;
}

/** How many accounts are kept; beyond, all are forgotten. */
const mostKept = 1_000;

/** The fields of an account that conditions may name: what `bk_auth` shows of one. */
const ownFields: ReadonlyMap<string, FieldKind> = new Map(
  Object.entries(authTables.bk_auth)
    .filter(([name, column]) => name === "login" || !("secure" in column))
    .map(([name, column]): [string, FieldKind] => [name, name === "type" ? "list" : kindOf("type" in column ? column.type : "text")]),
);

function kindOf(type: string): FieldKind {
  if (type === "list") return "list";
  return type === "int" || type === "bigint" || type === "now" ? "number" : "text";
}

const kinds: ReadonlySet<unknown> = new Set<FieldKind>(["text", "number", "flag", "list"]);

/**
 * The rules of tables by rows and columns: those of the setting `rules`, else what `owner` and the columns' `pub`, `admin` and
 * `secure` say.
 *
 * @throws AuthError `invalid`, naming table, rule and column, for rules that cannot be meant; DbError `invalid` for tables that are none
 */
export function rowRules<const Tables extends TableDefinitions>(
  definitions: Tables,
  { accountFields = {} }: RowRulesOptions = {},
): RowRules<Tables> {
  for (const [name, kind] of Object.entries(accountFields))
    if (!kinds.has(kind) || !/^[A-Za-z]\w*$/.test(name))
      throw invalid("accountFields", `has ${name}, which must be ${[...kinds].join(", ")}`);
  const fields: ReadonlyMap<string, FieldKind> = new Map([...ownFields, ...Object.entries(accountFields)]);
  const makeFilter = rowFilters(definitions);
  const tables = new Map(
    Object.entries(definitions).map(([name, definition]): [string, RuleTable] => [
      name,
      ruleTable(name, definition, fields, (filter) => makeFilter(name, filter)),
    ]),
  );
  const all = [...tables.values()].flatMap(({ rules }) => rules);
  const named = new Set(all.flatMap((rule) => [...namedBy(rule)]));
  const roles = [...new Set(all.flatMap(({ to }) => to))].filter((role) => role !== "account" && role !== "anonymous");
  // What the rules of an account depend on; its id always, since page tokens are for one account.
  const used = [...new Set(["id", ...named])];
  const kept = new Map<string, AccountRules>();
  const nobody = accountRules(
    tables,
    ({ to }) => to.includes("anonymous"),
    () => undefined,
  );

  function rulesFor(account: RuledAccount | undefined): AccountRules {
    if (account === undefined) return nobody;
    const types = accountTypes(account);
    const own = roles.filter((role) => types.includes(role));
    const valueOf = (field: string): unknown => valueIn(account, types, field, fields.get(field));
    // No two accounts that differ share a key: values stand in JSON, or last, after so many types as it says.
    const key =
      used.length === 1
        ? [own.length, ...own, account.id].join("|")
        : JSON.stringify([own, ...used.map((field) => valueOf(field) ?? null)]);
    let rules = kept.get(key);
    if (rules === undefined) {
      const groups: ReadonlySet<string> = new Set([...own, "account", "anonymous"]);
      const values = new Map(used.map((field) => [field, valueOf(field)]));
      rules = accountRules(
        tables,
        ({ to }) => to.some((name) => groups.has(name)),
        (field) => values.get(field),
      );
      if (kept.size >= mostKept) kept.clear();
      kept.set(key, rules);
    }
    return rules;
  }

  return {
    // Scopes are made of the tables; which parts they have is known while the program runs.
    rulesFor: rulesFor as RowRules<Tables>["rulesFor"],
    tables,
    anonymous: [...tables.keys()].filter((name) => nobody.table(name)!.isOpen),
    warnings: [...tables.values()].flatMap((table) => warningsOf(table)),
  };
}

function accountRules(
  tables: ReadonlyMap<string, RuleTable>,
  applies: (rule: Rule) => boolean,
  values: (field: string) => unknown,
): AccountRules {
  const made = new Map<string, TableAccess>();
  const table = (name: string): TableAccess | undefined => {
    let access = made.get(name);
    const own = tables.get(name);
    if (access === undefined && own !== undefined) made.set(name, (access = new TableAccess(own, applies, values)));
    return access;
  };
  let reads: Readonly<Record<string, AccessScope>> | undefined;
  return {
    names: [...tables.keys()],
    table,
    get reads() {
      reads ??= Object.fromEntries(
        [...tables.keys()].flatMap((name) => {
          const { reading } = table(name)!;
          return reading === undefined || reading.select?.length === 0 ? [] : [[name, reading]];
        }),
      );
      return reads;
    },
  };
}

function namedBy({ rows }: Rule): ReadonlySet<string> {
  return new Set([...rows.values()].flatMap((condition) => (condition === undefined ? [] : [...fieldsOf(condition)])));
}

/** A field of an account, where it holds what such a field holds. */
function valueIn(account: RuledAccount, types: readonly string[], field: string, kind: FieldKind | undefined): unknown {
  if (field === "type") return types;
  const value = Object.hasOwn(account, field) ? account[field] : undefined;
  if (kind === "list") return isList(value) ? value : undefined;
  if (kind === "number") return typeof value === "number" && Number.isFinite(value) ? value : undefined;
  if (kind === "flag") return typeof value === "boolean" ? value : undefined;
  return typeof value === "string" && value !== "" ? value : undefined;
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string" || (typeof item === "number" && Number.isFinite(item)));
}

/** Rules whose rows no key or index finds. Of tables without rules of their own nothing is said: whose rows are whose is their key or not. */
function warningsOf({ name, columns, rules, isWritten }: RuleTable): string[] {
  if (!isWritten) return [];
  return rules.flatMap(({ to, rows }, i) => {
    const condition = rows.get("read");
    const filter = condition === undefined ? true : fillIn(condition, () => "x");
    if (typeof filter === "boolean" || isServed(columns, filter)) return [];
    return [
      `${name}: no key or index finds the rows that rule ${i + 1} lets ${to.join(", ")} read: without a filter of their own, reads of them look at the whole table, and are refused where the database would have to`,
    ];
  });
}
