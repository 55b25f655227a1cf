import { DbError, invalid } from "../errors.js";
import { rowRules, type RowRules } from "../normalize/row.js";
import { checkScopeForm, type ScopeDefinition, type TableScope, tableScope } from "../normalize/scope.js";
import type { Table } from "../schema/table.js";

/** Settings of a scope as a whole. */
export interface ScopeOptions {
  /** Mixed into page tokens, such as the id of whoever they are given to: with another text they are `invalid`. */
  readonly tokensOf?: string | undefined;
}

/** What calls may see and do, table by table. */
export class Scope {
  readonly #tables: ReadonlyMap<string, Table>;
  readonly #definition: ScopeDefinition;
  readonly #outer: Scope | undefined;
  readonly #tokensOf: string | undefined;
  readonly #made = new Map<string, TableScope>();

  /**
   * @param outer  what the scope is a part of: it cannot go beyond
   * @throws DbError `invalid`, naming table and column, for what is no scope of these tables or goes beyond the outer one
   */
  constructor(tables: ReadonlyMap<string, Table>, definition: unknown, options: ScopeOptions = {}, outer?: Scope) {
    for (const name of Object.keys(options))
      if (name !== "tokensOf") throw invalid(`scope: unknown option ${JSON.stringify(name.slice(0, 50))}; there is tokensOf`);
    if (options.tokensOf !== undefined && typeof options.tokensOf !== "string")
      throw invalid("scope: the option tokensOf must be a string");
    this.#tables = tables;
    this.#definition = checkScopeForm(definition, tables);
    this.#outer = outer;
    this.#tokensOf = options.tokensOf ?? (outer === undefined ? undefined : outer.#tokensOf);
    // Those that are named are checked at once; what stands for all others when it is used.
    for (const name of Object.keys(this.#definition)) if (name !== "*") this.of(name);
  }

  /** What calls on a table may see and do. @throws DbError `denied` where that is nothing */
  of(name: string): TableScope {
    const known = this.#made.get(name);
    if (known !== undefined) return known;
    const definition = Object.hasOwn(this.#definition, name) ? this.#definition[name] : this.#definition["*"];
    const outer = this.#outer?.of(name);
    const table = this.#tables.get(name);
    if (definition === undefined || table === undefined)
      throw new DbError("denied", `the scope does not have the table ${name}`, { table: name });
    const made = tableScope(rulesOf(table), definition, { outer, tokensOf: this.#tokensOf, siblings: (other) => this.of(other) });
    this.#made.set(name, made);
    return made;
  }
}

const rules = new WeakMap<Table, RowRules>();

function rulesOf(table: Table): RowRules {
  let known = rules.get(table);
  if (known === undefined) rules.set(table, (known = rowRules(table)));
  return known;
}
