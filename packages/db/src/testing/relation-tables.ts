// The tables of the tests of relations, with rows of them.

import { defineTables, table } from "../schema/define-tables.js";
import type { AnyDb, AnyRow } from "./any-db.js";
import { movableClock } from "./movable-clock.js";

export const tables = defineTables({
  account: { id: { primary: 1 }, name: {}, boss: { ref: "account", index: 1 }, n: { type: "int" }, ends: { type: "ttl" } },
  album: { owner: { primary: 1, ref: "account" }, no: { type: "int", primary: 2 }, title: {} },
  photo: {
    id: { primary: 1 },
    owner: { ref: "account", index: 1 },
    taken: { type: "int", index: 2 },
    stars: { type: "int" },
    tags: { type: "set" },
    albumOwner: { ref: "album.owner", index1: 1 },
    albumNo: { type: "int", ref: "album.no", index1: 2 },
    cover: { ref: { table: "album", column: "owner", name: "shown" } },
    coverNo: { type: "int", ref: { table: "album", column: "no", name: "shown" } },
  },
  talk: { id: { primary: 1 }, at: { primary: 2, join: ["kind", "peer"], unjoin: true }, kind: { hidden: true }, peer: { hidden: true } },
  line: {
    id: { primary: 1 },
    talk: { ref: { table: "talk", column: "id", name: "of" } },
    at: { ref: { table: "talk", column: "at", name: "of" } },
  },
  note: table({ id: { primary: 1 }, writer: { ref: "account" } }, { open: true }),
  far: table({ id: { primary: 1 }, owner: { ref: "account" } }, { noscan: true }),
});

export const clock = movableClock(Date.UTC(2100, 0, 1));

/** Two accounts, an album and three photos: of the first, of nobody, of an account that there is not. */
export async function fill(db: AnyDb, id: string): Promise<{ a: string; b: string; photos: string[] }> {
  const [a, b] = [`${id}a`, `${id}b`];
  const photos = [`${id}p`, `${id}q`, `${id}r`];
  await db.bulk([
    { op: "put", table: "account", row: { id: a, name: "Ann", n: 1 } },
    { op: "put", table: "account", row: { id: b, name: "Bob", boss: a, n: 2 } },
    { op: "put", table: "album", row: { owner: a, no: 1, title: "Rome" } },
    { op: "put", table: "photo", row: { id: photos[0], owner: a, taken: 1, albumOwner: a, albumNo: 1, stars: 5, tags: ["x"] } },
    { op: "put", table: "photo", row: { id: photos[1], taken: 2, albumOwner: a, stars: 4 } },
    { op: "put", table: "photo", row: { id: photos[2], owner: `${id}nobody`, taken: 3, albumOwner: a, albumNo: 2 } },
  ]);
  return { a, b, photos };
}

export const account = (id: string, name: string, more: AnyRow = {}): AnyRow => ({ id, name, boss: null, n: null, ends: null, ...more });
