/** Columns of a table, and whether the undeclared ones of an open table are among them. */
export interface ColumnSet {
  readonly names: ReadonlySet<string>;
  readonly rest: boolean;
}

export const noColumns: ColumnSet = { names: new Set(), rest: false };

export function unionOf(sets: readonly ColumnSet[]): ColumnSet {
  return sets.length === 1 ? sets[0]! : { names: new Set(sets.flatMap(({ names }) => [...names])), rest: sets.some(({ rest }) => rest) };
}

export function intersectionOf([first = noColumns, ...others]: readonly ColumnSet[]): ColumnSet {
  if (others.length === 0) return first;
  return {
    names: new Set([...first.names].filter((name) => others.every(({ names }) => names.has(name)))),
    rest: first.rest && others.every(({ rest }) => rest),
  };
}

export function covers(set: ColumnSet, part: ColumnSet): boolean {
  return (set.rest || !part.rest) && [...part.names].every((name) => set.names.has(name));
}

/** As `select` and `update` of `db.scope` take it. */
export function listOf({ names, rest }: ColumnSet): string[] {
  return rest ? [...names, "*"] : [...names];
}
