// Items of an atomic batch that refer to what earlier items make.
import { defineTables, table } from "@bk/db";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { fixtures } from "../../db/test/all-fixtures.js";
import { isWanted } from "../../db/test/fixtures.js";
import { startServer, type TestServer } from "./start-server.js";

const tables = defineTables({
  album: table(
    {
      id: { type: "uuid", primary: 1 },
      owner: {},
      title: { pub: true },
      code: { type: "uuid", secure: true },
      made: { type: "timestamp" },
      size: { type: "int64" },
    },
    { owner: "owner" },
  ),
  photo: table(
    {
      id: { type: "tuuid", primary: 1 },
      owner: {},
      album: { index: 1 },
      title: {},
      when: { type: "timestamp" },
      size: { type: "int64" },
      meta: { type: "json" },
    },
    { owner: "owner" },
  ),
});

for (const fixture of fixtures.filter(({ name }) => ["memory", "sqlite", "pg", "dynamodb", "redis", "mongodb-set"].includes(name))) {
  describe(`driver: ${fixture.name}`, { timeout: 60_000 }, () => {
    if (!isWanted(fixture)) {
      it.skip("not run here", () => undefined);
      return;
    }
    let on: TestServer;
    let clean: () => Promise<void>;
    beforeAll(async () => {
      const opened = (await fixture.open())!;
      clean = opened.clean;
      on = await startServer({
        tables,
        db: { pools: { main: { url: opened.url, ...(opened.options === undefined ? {} : { options: opened.options }) } } },
      });
    }, 180_000);
    afterAll(async () => {
      await on?.server.close();
      await clean?.();
    });
    const batch = (items: readonly object[], atomic = true) => on.call("bob", "/data/batch", { json: { items, atomic } });
    const photosOf = async (album: unknown) =>
      (await on.call("root", `/data/select/photo?album=${String(album)}`)).body["data"] as Record<string, unknown>[];

    it("take the ids that were made, and values as the reply would have them", async () => {
      const { status, body } = await batch([
        {
          op: "add",
          table: "album",
          row: { title: "Rome", made: "2024-05-31T12:00:00.000Z", size: "9223372036854775807" },
          _returning: "new",
        },
        {
          op: "add",
          table: "photo",
          row: { album: { $ref: "0.id" }, when: { $ref: "0.made" }, size: { $ref: "0.size" }, title: { $ref: "0.title" } },
        },
        { op: "add", table: "photo", row: { album: { $ref: "0.id" }, meta: { $ref: "0.id" } } },
        { op: "update", table: "album", row: { id: { $ref: "0.id" }, title: "Roma" } },
      ]);
      expect(status).toBe(200);
      const [album, ...others] = body["data"] as { affected: number; row?: Record<string, unknown> }[];
      expect(others).toEqual([{ affected: 1 }, { affected: 1 }, { affected: 1 }]);
      const rows = await photosOf(album!.row!["id"]);
      expect(rows).toHaveLength(2);
      expect(rows.find(({ title }) => title === "Rome")).toMatchObject({
        when: "2024-05-31T12:00:00.000Z",
        size: "9223372036854775807",
        owner: on.ids["bob"],
      });
      // What a column of JSON holds is its own.
      expect(rows.find(({ title }) => title !== "Rome")).toMatchObject({ meta: { $ref: "0.id" } });
      expect((await on.call("bob", `/data/get/album?id=${String(album!.row!["id"])}`)).body).toMatchObject({ title: "Roma" });
    });

    it("do nothing at all when a later item fails", async () => {
      const id = "0123456789abcdef0123456789abcdef";
      const { status } = await batch([
        { op: "add", table: "album", row: { id, title: "gone" } },
        { op: "add", table: "photo", row: { album: { $ref: "0.id" } } },
        { op: "add", table: "album", row: { id: { $ref: "0.id" }, title: "twice" } },
      ]);
      expect(status).toBe(409);
      expect((await on.call("root", `/data/get/album?id=${id}`)).status).toBe(404);
      expect(await photosOf(id)).toEqual([]);
    });

    it("give nobody what they do not see, and what was not written", async () => {
      const secret = await batch([
        { op: "add", table: "album", row: { title: "x" } },
        { op: "add", table: "photo", row: { title: { $ref: "0.code" } } },
      ]);
      expect(secret).toMatchObject({ status: 400 });
      const missing = await batch([
        { op: "update", table: "album", row: { id: "ffffffffffffffffffffffffffffffff", title: "x" } },
        { op: "add", table: "photo", row: { title: { $ref: "0.title" } } },
      ]);
      expect(missing).toMatchObject({ status: 409, body: { code: "condition-failed", field: "title" } });
    });
  });
}

describe("references in a batch that are none", () => {
  it("are refused before anything is done", async () => {
    await using on = await startServer({ tables });
    const add = { op: "add", table: "album", row: { id: "0123456789abcdef0123456789abcdef" } };
    const photo = (value: unknown): object => ({ op: "add", table: "photo", row: { title: value } });
    const wrong: [readonly object[], boolean][] = [
      [[add, photo({ $ref: "1.id" })], true],
      [[add, photo({ $ref: "2.id" })], true],
      [[add, photo({ $ref: "0" })], true],
      [[add, photo({ $ref: "0.id", other: 1 })], true],
      [[add, photo({ $ref: ["0.id"] })], true],
      [[add, photo({ $ref: "0.id.x" })], true],
      [[add, photo({ $ref: "-1.id" })], true],
      [[add, photo({ $ref: "0.id" })], false],
      [[add, { op: "del", table: "album", key: { id: "x" } }, photo({ $ref: "1.id" })], true],
      [[add, { op: "put", table: "album", row: { title: "x" }, _returning: "old" }, photo({ $ref: "1.id" })], true],
    ];
    for (const [items, atomic] of wrong) {
      const reply = await on.call("bob", "/data/batch", { json: { items, atomic } });
      expect([items, reply.status]).toEqual([items, 400]);
    }
    expect((await on.call("root", "/data/get/album?id=0123456789abcdef0123456789abcdef")).status).toBe(404);
  });
});
