// Types of references: their names, and the tables that they go to.

import type { ColumnsOf } from "./infer.js";

/** The name of a column's reference: its own, or that of the table where it names a column of the key (references.ts). */
export type ReferenceName<Name, Ref> = Ref extends { readonly name: infer Given extends string }
  ? Given
  : Ref extends { readonly table: infer Target extends string; readonly column: string }
    ? Target
    : Ref extends `${infer Target}.${string}`
      ? Target
      : Name;
export type TargetOf<Ref> = Ref extends { readonly table: infer Target } ? Target : Ref extends `${infer Target}.${string}` ? Target : Ref;

/** The tables that a table refers to, by the names of its references. */
export type ReferencesOf<Tables, Name extends keyof Tables> = ReferencesOfColumns<ColumnsOf<Tables, Name>>;
export type ReferencesOfColumns<Columns> = {
  [Name in keyof Columns as Columns[Name] extends { readonly ref: infer Ref } ? ReferenceName<Name, Ref> : never]: Columns[Name] extends {
    readonly ref: infer Ref;
  }
    ? TargetOf<Ref>
    : never;
};
