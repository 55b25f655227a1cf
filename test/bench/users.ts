// The table of the measurements, the same for all contestants.

export interface User {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly age: number;
  readonly balance: number;
  readonly active: boolean;
  readonly meta: { readonly tags: readonly string[]; readonly note: string; readonly level: number };
  readonly mtime: number;
}

export const columns = ["id", "name", "email", "age", "balance", "active", "meta", "mtime"] as const satisfies readonly (keyof User)[];

/** Rows of one e-mail address. */
const rowsOfEmail = 20;
const firstTime = 1_700_000_000_000;

export function userId(i: number): string {
  return `user-${String(i).padStart(8, "0")}`;
}

/** The ids of rows that are added by a turn and deleted behind it. */
export function newId(i: number): string {
  return `x-${String(i).padStart(8, "0")}`;
}

export function emailOf(i: number): string {
  return `person${Math.floor(i / rowsOfEmail)}@example.com`;
}

export function userOf(i: number, id = userId(i)): User {
  return {
    id,
    name: `Name of ${i}`,
    email: emailOf(i),
    age: 18 + (i % 60),
    balance: (i % 1000) / 8,
    active: i % 3 !== 0,
    meta: { tags: ["one", "two", `t${i % 10}`], note: "a few words about this one, so that it is longer", level: i % 7 },
    mtime: firstTime + ((i * 7919) % 1_000_000),
  };
}

/** Numbers below `most`, spread without a pattern and the same in every run. */
export function spread(count: number, most: number): number[] {
  let state = 12_345;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * most);
  });
}
