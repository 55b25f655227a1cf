// Types of references and `include`. Nothing here runs: the compiler is the test.

import { expectTypeOf } from "vitest";

import type { DbCalls } from "../src/api/calls.js";
import { defineTables, table } from "../src/schema/define-tables.js";
import type { TableDefinitions } from "../src/schema/definition.js";
import type { RowOf } from "../src/schema/infer.js";

const tables = defineTables({
  account: { id: { primary: 1 }, name: {}, logins: { type: "counter" }, boss: { ref: "account" } },
  album: { owner: { primary: 1, ref: "account" }, id: { type: "int", primary: 2 }, title: {} },
  photo: {
    id: { primary: 1 },
    owner: { ref: "account" },
    taken: { type: "int" },
    albumOwner: { ref: "album.owner" },
    albumId: { type: "int", ref: { table: "album", column: "id" } },
    coverOf: { ref: { table: "account", name: "cover" } },
  },
  note: table({ id: { primary: 1 }, writer: { ref: "account", notEmpty: true } }, { open: true }),
});
type Tables = typeof tables;
declare const db: DbCalls<Tables>;
declare const untyped: DbCalls<TableDefinitions>;

export async function included(): Promise<void> {
  const plain = await db.get("photo", "p");
  expectTypeOf(plain!).toEqualTypeOf<RowOf<Tables, "photo">>();

  const one = await db.get("photo", "p", { include: { owner: { select: ["name"] } } });
  expectTypeOf(one!.owner).toEqualTypeOf<{ name: string | null } | null>();
  expectTypeOf(one!.taken).toEqualTypeOf<number | null>();

  const named = await db.get("photo", "p", {
    select: ["taken"],
    include: { album: true, cover: true, by: { by: "owner", select: ["id"] } },
  });
  expectTypeOf(named!).toEqualTypeOf<{
    taken: number | null;
    album: RowOf<Tables, "album"> | null;
    cover: RowOf<Tables, "account"> | null;
    by: { id: string } | null;
  }>();

  const { rows } = await db.select(
    "account",
    {},
    {
      select: ["id"],
      include: {
        photos: { from: "photo", by: "owner", select: ["taken"], filter: { taken: { $gt: 1 } }, sort: "-taken", count: 5 },
        albums: {
          from: "album",
          by: "owner",
          include: { photos: { from: "photo", by: "album", include: { owner: { select: ["logins"] } } } },
        },
        boss: { include: { boss: { select: ["name"] } } },
      },
    },
  );
  expectTypeOf(rows[0]!.photos).toEqualTypeOf<{ taken: number | null }[]>();
  expectTypeOf(rows[0]!.albums[0]!.photos[0]!.owner).toEqualTypeOf<{ logins: number } | null>();
  expectTypeOf(rows[0]!.albums[0]!.title).toEqualTypeOf<string | null>();
  expectTypeOf(rows[0]!.boss!.boss).toEqualTypeOf<{ name: string | null } | null>();

  const open = await db.get("note", "n", { include: { writer: { select: ["name"] } } });
  expectTypeOf(open!.writer).toEqualTypeOf<{ name: string | null } | null>();
  expectTypeOf(open!["anything"]).toEqualTypeOf<unknown>();

  for await (const row of db.scan("photo", {}, { include: { owner: true } }))
    expectTypeOf(row.owner).toEqualTypeOf<RowOf<Tables, "account"> | null>();
  const listed = await db.list("photo", ["p"], { include: { owner: true } });
  expectTypeOf(listed[0]!.owner).toEqualTypeOf<RowOf<Tables, "account"> | null>();
  const found = await db.search("photo", "word", { include: { owner: true } });
  expectTypeOf(found.rows[0]!.owner).toEqualTypeOf<RowOf<Tables, "account"> | null>();

  const loose = await untyped.get("x", "y", { include: { z: { from: "w", by: "v" } } });
  expectTypeOf(loose!["z"]).toEqualTypeOf<unknown>();
}

export function refused(): void {
  // @ts-expect-error no reference
  void db.get("photo", "p", { include: { taken: true } });
  // @ts-expect-error no reference of this name
  void db.get("photo", "p", { include: { x: { by: "nope" } } });
  // @ts-expect-error no column of account
  void db.get("photo", "p", { include: { owner: { select: ["title"] } } });
  // @ts-expect-error a row that is referred to is not sorted
  void db.get("photo", "p", { include: { owner: { sort: "name" } } });
  // @ts-expect-error no table
  void db.get("account", "a", { include: { photos: { from: "nope", by: "owner" } } });
  // @ts-expect-error no reference of photo to account
  void db.get("account", "a", { include: { photos: { from: "photo", by: "album" } } });
  // @ts-expect-error the reference must be named
  void db.get("account", "a", { include: { photos: { from: "photo" } } });
  // @ts-expect-error no column of photo
  void db.get("account", "a", { include: { photos: { from: "photo", by: "owner", sort: "-title" } } });
  // @ts-expect-error of another type
  void db.get("account", "a", { include: { photos: { from: "photo", by: "owner", filter: { taken: "1" } } } });
  // @ts-expect-error in a nested one
  void db.get("account", "a", { include: { boss: { include: { boss: { select: ["nope"] } } } } });
  // @ts-expect-error an unknown option
  void db.get("account", "a", { include: { boss: { selekt: ["name"] } } });
}

export async function filtered(): Promise<void> {
  await db.select("photo", { owner: { $ref: { name: "A", boss: { $ref: { logins: { $gt: 1 } } } } } });
  await db.count("photo", { album: { $ref: { title: { $begins_with: "R" } } }, cover: { $ref: { $or: { name: "A", boss: "b" } } } });
  await db.select("photo", { $not: { owner: { $ref: { name: "A" }, $ne: "b" } } });
  await db.get("account", "a", { include: { photos: { from: "photo", by: "owner", filter: { album: { $ref: { title: "R" } } } } } });
  await untyped.select("x", { y: { $ref: { z: 1 } } });
  // @ts-expect-error no column of account
  await db.select("photo", { owner: { $ref: { title: "A" } } });
  // @ts-expect-error of another type
  await db.select("photo", { owner: { $ref: { logins: "1" } } });
  // @ts-expect-error no reference
  await db.select("photo", { taken: { $ref: { logins: 1 } } });
  // @ts-expect-error the column is part of a reference of another name
  await db.select("photo", { albumOwner: { $ref: { title: "R" } } });
}
