// The rules that an app gives to the tables of modules, and what modules can keep of them.

import { rowRules, type RowRulesOptions, type RuleTable, ruleVerbs } from "@bk/auth/row-rules";
import { BkError } from "@bk/core";
import type { ColumnDefinition, TableDefinition, TableDefinitions, TableRule } from "@bk/db";
import type { BackendModule, RuledTable } from "@bk/modules";

import type { ModuleRules, RuledModuleTable } from "./ruled-db.js";

/** Rules by table, as an app writes them. */
export type RulesByTable = Readonly<Record<string, TableRule | readonly TableRule[]>>;

type Columns = Readonly<Record<string, ColumnDefinition>>;

/**
 * @param given  the rules of the app; others stand in the definitions that a module brings along
 * @param others  the tables that are none of modules, which these may refer to
 * @returns  undefined where there are no rules
 * @throws BkError `invalid` that names the table, and the rule, for rules that cannot be meant, and those that the module cannot keep
 */
export function moduleRules(
  modules: readonly BackendModule[],
  given: RulesByTable,
  others: TableDefinitions,
  options: RowRulesOptions,
): ModuleRules | undefined {
  const ruled = new Map<string, RuledTable & { readonly module: string }>();
  const tables: Record<string, TableDefinition> = {};
  const written = new Map<string, TableDefinition>();
  for (const module of modules)
    for (const [name, definition] of Object.entries(module.tables)) {
      const { columns, settings } = partsOf(definition);
      const rules = Object.hasOwn(given, name) ? given[name] : settings["rules"];
      tables[name] = definition;
      if (rules === undefined) continue;
      const own = module.ruled !== undefined && Object.hasOwn(module.ruled, name) ? module.ruled[name] : undefined;
      if (own === undefined) throw wrong(name, `cannot have rules: it is what the module ${module.name} keeps for itself`);
      ruled.set(name, { ...own, module: module.name });
      written.set(name, { $columns: withoutPub(columns), $settings: { ...settings, rules } } as unknown as TableDefinition);
    }
  for (const name of Object.keys(given)) if (!Object.hasOwn(tables, name)) throw wrong(name, "is no table of a module that runs");
  if (written.size === 0) return undefined;
  const rules = rowRules({ ...others, ...tables, ...Object.fromEntries(written) }, options);
  const found = [...ruled].map(([name, own]): [string, RuledModuleTable] => {
    const table = rules.tables.get(name)!;
    checkServed(table, own, own.module);
    return [name, { ...own, ...internalOf(table, own), makeFilter: table.makeFilter }];
  });
  return { rules, tables: new Map(found) };
}

/** What the app's rules say is said by them alone; the module's own conditions go on by `pub`. */
function withoutPub(columns: Columns): Columns {
  return Object.fromEntries(Object.entries(columns).map(([name, { pub: _pub, ...column }]) => [name, column as ColumnDefinition]));
}

function internalOf({ columns }: RuleTable, { needs }: RuledTable): Pick<RuledModuleTable, "key" | "internal" | "searched"> {
  const named = (holds: (column: ColumnDefinition) => boolean): string[] => Object.keys(columns).filter((name) => holds(columns[name]!));
  return {
    key: new Set(named(({ primary }) => primary !== undefined)),
    internal: new Set([...needs, ...named(({ secure, hidden }) => secure === true || hidden === true)]),
    searched: named(({ search }) => Boolean(search)),
  };
}

/** A rule that the module cannot keep would be a hole, or an endpoint that fails. */
function checkServed({ name, rules, columns }: RuleTable, { verbs, needs, writes = [] }: RuledTable, module: string): void {
  // The last one may be what stands for admins, who do what the module lets them.
  for (const [i, { to, rows, columns: allowed }] of rules.entries()) {
    if (to.length === 1 && to[0] === "admin" && i === rules.length - 1 && rows.size === ruleVerbs.length) continue;
    for (const verb of rows.keys())
      if (!verbs.includes(verb))
        throw wrong(name, `rule ${i + 1} says ${verb}, and ${module} knows no such rows of its callers; there are ${verbs.join(", ")}`);
    for (const verb of ["add", "update"] as const) {
      const column = rows.has(verb) ? writes.find((each) => !allowed[verb].names.has(each)) : undefined;
      if (column !== undefined)
        throw wrong(name, `rule ${i + 1} lets ${verb} rows and not set column ${column}, which ${module} sets with every row`, column);
    }
    const missing = rows.has("read") ? needs.find((column) => !allowed.read.names.has(column)) : undefined;
    if (missing !== undefined)
      throw wrong(
        name,
        `rule ${i + 1} hides column ${missing}, without which ${module} cannot serve the rows; rules that read have ${needs.filter((column) => Object.hasOwn(columns, column)).join(", ")} among their columns`,
        missing,
      );
  }
}

function partsOf(definition: TableDefinition): { readonly columns: Columns; readonly settings: Readonly<Record<string, unknown>> } {
  if (!Object.hasOwn(definition, "$columns")) return { columns: definition as Columns, settings: {} };
  const { $columns: columns, $settings: settings } = definition as unknown as {
    $columns: Columns;
    $settings: Readonly<Record<string, unknown>>;
  };
  return { columns, settings };
}

function wrong(table: string, what: string, column?: string): BkError {
  return new BkError("invalid", `moduleRules: ${table}: ${what}`, {
    detail: { field: "moduleRules", table, ...(column === undefined ? {} : { column }) },
  });
}
