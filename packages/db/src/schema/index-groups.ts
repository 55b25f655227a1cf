import type { IndexGroup, UniqueGroup } from "./definition.js";
import type { Fail } from "./definition-rules.js";
import type { Column, Index, Table } from "./table.js";

const indexGroups: readonly IndexGroup[] = ["index", "index1", "index2", "index3", "index4", "index5"];
const uniqueGroups: readonly UniqueGroup[] = ["unique", "unique1", "unique2", "unique3", "unique4", "unique5"];

/** The indexes and unique groups of a table's columns. Columns are in order of their numbers; equal numbers in order of definition. */
export function compileGroups(columns: readonly Column[], fail: Fail): Pick<Table, "indexes" | "uniques"> {
  const taken = new Set<string>();
  const uniques = compileKind(uniqueGroups, columns, taken, fail);
  const indexes = compileKind(indexGroups, columns, taken, fail);
  return { indexes, uniques };
}

function compileKind(
  groups: readonly (IndexGroup | UniqueGroup)[],
  columns: readonly Column[],
  taken: Set<string>,
  fail: Fail,
): readonly Index[] {
  const indexes: Index[] = [];
  for (const group of groups) {
    const members = columns.filter((column) => column.definition[group] !== undefined);
    if (members.length === 0) continue;
    // The sort is stable: equal numbers stay in order of definition.
    members.sort((a, b) => a.definition[group]! - b.definition[group]!);
    const twin = indexes.find(
      (index) => index.columns.length === members.length && index.columns.every((column, at) => column === members[at]),
    );
    if (twin !== undefined) fail(`property ${group} repeats the index ${twin.name}`, members[0]!.name, group);
    const joined = members.map((column) => column.name).join("_");
    // Two lists of columns may join to one name: a_b with c, a with b_c.
    let name = joined;
    while (taken.has(name)) name = `${name}_${group}`;
    taken.add(name);
    indexes.push(Object.freeze({ name, columns: Object.freeze(members), unique: group.startsWith("unique") }));
  }
  return Object.freeze(indexes);
}
