// What one account may do with a table: its rules filled in, and made scopes of @bk/db.

import { DbError } from "@bk/db";

import { type ColumnSet, covers, listOf } from "./column-set.js";
import { accountColumns, allOf, equalities, type FieldValues, fieldsOf, fillIn, type Filter, isWithin } from "./condition.js";
import { type Grant, Grants } from "./grants.js";
import type { Rule, RuleTable, RuleVerb } from "./rule-table.js";

/** The part of a table's scope, as `db.scope` takes it. */
export interface AccessScope {
  readonly where?: Filter;
  readonly set?: Readonly<Record<string, unknown>>;
  readonly select?: readonly string[];
  readonly update?: readonly string[];
}

/** How rows are written: `put` makes or replaces, and needs what `add` and `update` need. */
export type WriteVerb = "add" | "put" | "update" | "del";

/** A write that is allowed. */
export interface Writing {
  /** What is read of the rows that are written; undefined: nothing is. */
  readonly read: Grants | undefined;
  /** The rows that may be written; undefined: every one. */
  readonly where: Filter | undefined;
  /** The columns that may be set. */
  readonly columns: ColumnSet;
  /** Columns that are set whatever is given, with their values. */
  readonly fixed: ReadonlyMap<string, unknown>;
  readonly scope: AccessScope;
}

/** Whether columns that are to be written are all among some. */
export type IsCovered = (columns: ColumnSet) => boolean;

export class TableAccess {
  readonly name: string;
  readonly read: Grants | undefined;
  readonly add: Grants | undefined;
  readonly update: Grants | undefined;
  readonly del: Grants | undefined;
  /** Columns that a new row gets where it does not have them: fields of the account. */
  readonly fill: ReadonlyMap<string, unknown>;
  readonly #table: RuleTable;
  readonly #writings = new Map<string, Writing>();

  /** @param applies  which rules are the account's */
  constructor(table: RuleTable, applies: (rule: Rule) => boolean, values: FieldValues) {
    const own = table.rules.filter(applies);
    this.name = table.name;
    this.#table = table;
    const read = grantsOf(table, own, "read", values);
    this.read = Grants.of(read, table.makeFilter);
    const seen = this.read?.some.names ?? new Set();
    // Of others than admins: a conflict would tell what a column holds that is not read.
    const told = (grant: Grant, rule: Rule): Grant =>
      rule.to.includes("admin")
        ? grant
        : { ...grant, columns: without(grant.columns, (name) => table.unique.has(name) && !seen.has(name)) };
    const add = grantsOf(table, own, "add", values, told);
    this.add = Grants.of(add, table.makeFilter);
    this.update = Grants.of(grantsOf(table, own, "update", values, told), table.makeFilter);
    this.del = Grants.of(grantsOf(table, own, "del", values), table.makeFilter);
    const ofAccount = add.flatMap(({ rows, ofAccount: names }) => [...equalities(rows)].filter(([name]) => names.has(name)));
    this.fill = new Map(ofAccount);
  }

  /** Whether anything is allowed. */
  get isOpen(): boolean {
    return (this.read ?? this.add) !== undefined;
  }

  /** How rows are read. Columns that are not allowed in every row are left out of `select`. */
  get reading(): AccessScope | undefined {
    if (this.read === undefined) return undefined;
    const { where, every } = this.read;
    return { ...whereOf(where), ...(covers(every, this.#table.all) ? {} : { select: listOf(every) }), update: [] };
  }

  /**
   * How rows are written.
   *
   * @param isCovered  of what is written one rule has to allow all; default: nothing is asked
   * @param returns    the rows are given back, so that they must be among those that are read
   * @returns undefined where it is not allowed
   */
  writing(verb: WriteVerb, isCovered: IsCovered = always, returns = false): Writing | undefined {
    const needed = this.#needed(verb);
    const chosen = needed.map((grants) => grants?.covering(isCovered));
    if (chosen.some((grants) => grants === undefined)) return undefined;
    const isWhole = chosen.every((grants, i) => grants === needed[i]);
    const key = `${verb} ${returns}`;
    const known = isWhole ? this.#writings.get(key) : undefined;
    if (known !== undefined) return known;
    const made = this.#make(verb, chosen as Grants[], returns);
    if (isWhole && made !== undefined) this.#writings.set(key, made);
    return made;
  }

  #needed(verb: WriteVerb): readonly (Grants | undefined)[] {
    if (verb === "put") return [this.add, this.update];
    return [this[verb]];
  }

  #make(verb: WriteVerb, chosen: readonly Grants[], returns: boolean): Writing | undefined {
    const rows = chosen.reduce<Filter | true>((both, { where }) => andOf(both, where), true);
    // What is changed or deleted is read: else it would be told by what was affected.
    const reads = verb !== "add" || returns;
    if (reads && this.read === undefined) return undefined;
    const read = this.read?.within(rows);
    const where = reads ? read!.where : rows === true ? undefined : rows;
    const columns = chosen.map(({ every }) => every).reduce((one, other) => without(one, (name) => !other.names.has(name), other.rest));
    const fixed = new Map(chosen.flatMap(({ fixed: own }) => [...own]));
    const scope: AccessScope = {
      ...whereOf(where),
      ...(fixed.size === 0 || verb === "del" ? {} : { set: Object.fromEntries(fixed) }),
      ...(verb === "del" || covers(columns, this.#table.all) ? {} : { update: listOf(columns) }),
    };
    return { read: reads ? read : undefined, where, columns, fixed, scope };
  }
}

const always = (): boolean => true;

function whereOf(where: Filter | undefined): AccessScope {
  return where === undefined ? {} : { where };
}

function andOf(one: Filter | true, other: Filter | undefined): Filter | true {
  if (other === undefined || isWithin(one, other)) return one;
  return isWithin(other, one) ? other : (allOf([one, other]) as Filter);
}

function without({ names, rest }: ColumnSet, isLeftOut: (name: string) => boolean, keepsRest = true): ColumnSet {
  return { names: new Set([...names].filter((name) => !isLeftOut(name))), rest: rest && keepsRest };
}

function grantsOf(
  table: RuleTable,
  rules: readonly Rule[],
  verb: RuleVerb,
  values: FieldValues,
  change: (grant: Grant, rule: Rule) => Grant = (grant) => grant,
): Grant[] {
  return rules.flatMap((rule): Grant[] => {
    if (!rule.rows.has(verb)) return [];
    const condition = rule.rows.get(verb);
    const columns = verb === "del" ? table.all : rule.columns[verb];
    if (condition === undefined) return [change({ rows: true, columns, ofAccount: new Set() }, rule)];
    const rows = fillIn(condition, values);
    if (rows === false || (rows !== true && fieldsOf(condition).size > 0 && !isAsked(table, rows))) return [];
    return [change({ rows, columns, ofAccount: accountColumns(condition) }, rule)];
  });
}

/** A value of the account that the column cannot have is that of no row. */
function isAsked({ makeFilter }: RuleTable, rows: Filter): boolean {
  try {
    makeFilter(rows);
    return true;
  } catch (error) {
    if (error instanceof DbError && error.code === "invalid") return false;
    throw error;
  }
}
