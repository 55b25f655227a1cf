// The tables of better-auth as definitions for @bk/db.

import type { BetterAuthOptions } from "better-auth";
import { type BetterAuthDBSchema, type DBFieldAttribute, getAuthTables } from "better-auth/db";

import { AuthError } from "../errors.js";
import { serialTable } from "./serial.js";

/** A column as `defineTables` of @bk/db takes it. */
export type BetterAuthColumn = {
  readonly type?: "bigint" | "double" | "bool" | "timestamp" | "json" | "list" | "counter";
  readonly of?: "real";
  readonly primary?: number;
  readonly ref?: string;
  readonly secure?: boolean;
} & { readonly [group in (typeof indexGroups | typeof uniqueGroups)[number]]?: number };

/** Tables as `defineTables` of @bk/db takes them. */
export type BetterAuthTables = Readonly<Record<string, Readonly<Record<string, BetterAuthColumn>>>>;

/** The table of the users with the columns that every app has, where it goes by its own names: what other tables refer to. */
export type UserTable<Options> = Options extends { readonly user: { readonly modelName: string } | { readonly fields: object } }
  ? unknown
  : {
      readonly user: {
        readonly id: Options extends { readonly advanced: { readonly database: { readonly generateId: "serial" } } }
          ? { readonly type: "bigint"; readonly primary: 1 }
          : { readonly primary: 1 };
        readonly name: object;
        readonly email: { readonly unique: 1 };
        readonly emailVerified: { readonly type: "bool" };
        readonly image: object;
        readonly createdAt: { readonly type: "timestamp" };
        readonly updatedAt: { readonly type: "timestamp" };
      };
    };

export interface TablesOptions {
  /** As of `bkAdapter`: names of tables get an `s`. Default false. */
  readonly usePlural?: boolean | undefined;
}

const indexGroups = ["index", "index1", "index2", "index3", "index4", "index5"] as const;
const uniqueGroups = ["unique", "unique1", "unique2", "unique3", "unique4", "unique5"] as const;

type Model = BetterAuthDBSchema[string];

/**
 * The tables that better-auth needs with these options, its plugins' among them: `openDb({ tables: defineTables({ ...tablesOf(options), … }) })`.
 *
 * References to ids are declared as such (`ref`). All columns but those of the users are `secure`: sessions, tokens and keys never leave a server of
 * @bk/server. A table has at most six indexes; further ones that better-auth asks for are left out, and what they would serve is read by a scan.
 * TypeScript knows the table `user`, where it goes by its own names; the others are there as well.
 *
 * @param options  as given to `betterAuth`; a new plugin or field changes the tables, and `db.sync()` makes what is missing
 * @throws AuthError `invalid` when a table has more than six unique values
 */
export function tablesOf<const Options extends BetterAuthOptions, const Names extends TablesOptions = object>(
  options: Options,
  { usePlural = false }: Names | TablesOptions = {},
): BetterAuthTables & (Names extends { readonly usePlural: true } ? unknown : UserTable<Options>) {
  // What a type can say of them is a part of what they are.
  return tablesFor(options, usePlural) as ReturnType<typeof tablesOf<Options, Names>>;
}

function tablesFor(options: BetterAuthOptions, usePlural: boolean): BetterAuthTables {
  const models = getAuthTables(options);
  const isSerial = options.advanced?.database?.generateId === "serial";
  const nameOf = (key: string): string | undefined => {
    const model = models[key] ?? Object.values(models).find(({ modelName }) => modelName === key);
    return model && (usePlural ? `${model.modelName}s` : model.modelName);
  };
  const tables: Record<string, Record<string, BetterAuthColumn>> = {};
  for (const [key, model] of Object.entries(models)) {
    const name = nameOf(key)!;
    const columns: Record<string, BetterAuthColumn> = { id: { ...(isSerial ? { type: "bigint" } : {}), primary: 1 } };
    for (const [field, attributes] of Object.entries(model.fields)) {
      if (field === "id") continue;
      const isSecure = key !== "user" || attributes.returned === false;
      columns[attributes.fieldName ?? field] = { ...columnOf(attributes, isSerial, nameOf), ...(isSecure ? { secure: true } : {}) };
    }
    addIndexes(name, model, columns);
    // Two models may share a table.
    tables[name] = { ...tables[name], ...columns };
  }
  return isSerial ? { ...tables, ...serialTable } : tables;
}

function columnOf(
  { type, bigint, references }: DBFieldAttribute,
  isSerial: boolean,
  nameOf: (key: string) => string | undefined,
): BetterAuthColumn {
  if (references?.field === "id") {
    const ref = type === "string" || isSerial ? nameOf(references.model) : undefined;
    return { ...(isSerial ? { type: "bigint" } : {}), ...(ref === undefined ? {} : { ref }) };
  }
  switch (type) {
    case "number":
      // Better-auth says nothing of fractions: a double holds them, and all whole numbers that it may have, exactly.
      return { type: bigint === true ? "bigint" : "double" };
    case "boolean":
      return { type: "bool" };
    case "date":
      return { type: "timestamp" };
    case "json":
      return { type: "json" };
    case "string[]":
      return { type: "list" };
    case "number[]":
      return { type: "list", of: "real" };
    default:
      // "string", or the list of the texts that are allowed, which better-auth itself checks.
      return {};
  }
}

/** Gives the columns their places in indexes and unique groups. */
function addIndexes(name: string, { fields, indexes = [] }: Model, columns: Record<string, BetterAuthColumn>): void {
  const columnNamed = (field: string): string => fields[field]?.fieldName ?? field;
  const wanted = [
    ...Object.entries(fields).map(([field, { unique, index }]) => ({ fields: [field], unique, index })),
    ...indexes.map(({ fields, unique }) => ({ fields, unique, index: true })),
  ];
  const columnsOf = (group: typeof wanted): string[][] => {
    const lists = group.map(({ fields }) => fields.map(columnNamed));
    return [...new Map(lists.map((list) => [JSON.stringify(list), list])).values()];
  };
  const uniques = columnsOf(wanted.filter(({ unique }) => unique === true));
  if (uniques.length > uniqueGroups.length)
    throw new AuthError("invalid", `${name} has ${uniques.length} unique values; @bk/db has at most ${uniqueGroups.length} in a table`, {
      detail: { field: name },
    });
  const isUnique = (list: readonly string[]): boolean => uniques.some((unique) => JSON.stringify(unique) === JSON.stringify(list));
  const plain = columnsOf(wanted.filter(({ unique, index }) => unique !== true && index === true)).filter((list) => !isUnique(list));
  const place = (list: readonly string[], group: string): void =>
    list.forEach((column, i) => (columns[column] = { ...columns[column], [group]: i + 1 }));
  uniques.forEach((list, i) => place(list, uniqueGroups[i]!));
  plain.slice(0, indexGroups.length).forEach((list, i) => place(list, indexGroups[i]!));
}
