/** The name that differs least from a mistyped one, by at most two letters; undefined when none is near. */
function similarName(typed: string, names: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = 3;
  for (const name of names) {
    const steps = distance(typed, name);
    if (steps < least) [best, least] = [name, steps];
  }
  return best;
}

/** The end of a message about a mistyped name: `; did you mean …?`, or nothing when no name is near. */
export function didYouMean(typed: string, names: readonly string[]): string {
  const meant = similarName(typed, names);
  return meant === undefined ? "" : `; did you mean ${meant}?`;
}

/** Letters to add, drop, replace or swap with their neighbour (optimal string alignment). */
function distance(one: string, other: string): number {
  const rows: number[][] = [Array.from({ length: other.length + 1 }, (_cell, j) => j)];
  for (let i = 1; i <= one.length; i++) {
    const row = [i];
    for (let j = 1; j <= other.length; j++) {
      const replace = rows[i - 1]![j - 1]! + (one[i - 1] === other[j - 1] ? 0 : 1);
      const swaps = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      row.push(Math.min(replace, row[j - 1]! + 1, rows[i - 1]![j]! + 1, swaps ? rows[i - 2]![j - 2]! + 1 : Infinity));
    }
    rows.push(row);
  }
  return rows[one.length]![other.length]!;
}
