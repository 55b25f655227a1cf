import { accountEvents, callsOf, connections, status } from "@bk/modules";
import { statusService, statusTables } from "@bk/modules/status";
import { type Cache, openCache } from "@bk/cache";
import { silentLog, testClock } from "@bk/core";
import { openDb } from "@bk/db";
import { openPubSub, type PubSub } from "@bk/queue";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { onEngines } from "./on-engines.js";

let bus: PubSub;
let cache: Cache;
beforeAll(async () => {
  bus = await openPubSub("local:");
  cache = await openCache("local:");
});
afterAll(async () => {
  await bus.close();
  await cache.close();
});

describe("the module status", () => {
  onEngines(
    () => [status({ columns: { mood: { pub: true }, note: {}, rank: { admin: true } } }), connections()],
    (server) => {
      const anyTime = expect.any(Number) as number;
      const put = (login: string, json: object): ReturnType<typeof server.test.call> => server.test.call(login, "/status/put", { json });

      it("says what an account is doing and that it is there, to everybody", async () => {
        const [ann, ben] = [await server.add("ann"), await server.add("ben")];
        const never = { id: ann.id, status: "", online: false, mtime: 0 };
        expect((await server.test.call(ann.login, "/status/get")).body).toEqual(never);
        expect((await server.test.call(ben.login, `/status/get?id=${ann.id}`)).body).toEqual(never);
        const row = { id: ann.id, name: "ann", status: "busy", mood: "good", atime: anyTime, mtime: anyTime, online: true };
        const saved = await put(ann.login, { status: "busy", mood: "good", note: "mine" });
        expect(saved.body).toEqual({ ...row, note: "mine", saved: true });
        expect((await server.test.call(ann.login, "/status/get")).body).toEqual({ ...row, note: "mine" });
        expect((await server.test.call(ben.login, `/status/get?id=${ann.id}`)).body).toEqual(row);
        expect((await server.test.call(ben.login, `/status/get?id=u_none,${ann.id},${ben.id}`)).body).toEqual([
          { id: "u_none", status: "", online: false, mtime: 0 },
          row,
          { id: ben.id, status: "", online: false, mtime: 0 },
        ]);
        expect((await put(ann.login, { status: "offline" })).body).toMatchObject({ status: "offline", online: false, mood: "good" });
        expect((await server.test.call(ann.login, "/status/del", { json: {} })).body).toEqual({});
        expect((await server.test.call(ann.login, "/status/get")).body).toEqual(never);
      });

      it("refuses what is no status, what others or the server set, and callers without an account", async () => {
        const ann = await server.add("ann");
        for (const [json, code, field] of [
          [{}, 400, "status"],
          [{ status: "" }, 400, "status"],
          [{ status: "x".repeat(33) }, 400, "status"],
          [{ status: "x", id: "u_1" }, 400, "id"],
          [{ status: "x", name: "Root" }, 400, "name"],
          [{ status: "x", atime: 1 }, 400, "atime"],
          [{ status: "x", online: true }, 400, "online"],
          [{ status: "x", rank: "1" }, 403, "rank"],
        ] as const) {
          const reply = await put(ann.login, json);
          expect({ json, status: reply.status, field: reply.body["field"] }).toEqual({ json, status: code, field });
        }
        const many = Array.from({ length: 101 }, (_, i) => `u_${i}`).join(",");
        expect(await server.test.call(ann.login, `/status/get?id=${many}`)).toMatchObject({ status: 400, body: { field: "id" } });
        for (const path of ["put", "get", "del"])
          expect(await server.test.call(ann.login, `/status/${path}?status=x`, { signed: false })).toMatchObject({ status: 401 });
        expect((await server.test.call(ann.login, "/status/get")).body).toMatchObject({ status: "" });
      });
    },
  );

  it("ends presence by itself, keeps it by checks without writing, and tells who has connected", async () => {
    const { bk_status } = statusTables();
    const { bk_reference } = connections().tables;
    const tables = { bk_status, bk_reference: bk_reference! };
    await using opened = await openDb({ url: "memory:", tables });
    const db = callsOf(opened);
    const clock = testClock({ now: Date.now() });
    const events = accountEvents({ bus, log: silentLog });
    const service = statusService({ db, cache, events, clock, columns: bk_status, tables });
    const ann = { id: "ann", login: "ann", name: "Ann", isAdmin: false, types: [] };
    for (const [peer, silent] of [
      ["ben", false],
      ["spy", true],
    ] as const)
      await db.add("bk_reference", { id: "ann", type: "like", peer, silent });
    const told: unknown[] = [];
    const subs = await Promise.all(["ben", "spy", "ann"].map((id) => events.subscribe(id, (event) => void told.push({ to: id, event }))));

    expect(await service.put(ann, "here")).toMatchObject({ online: true, saved: true });
    const isOnline = async (): Promise<unknown> => (await service.list(ann, ["ann"]))[0]!["online"];
    clock.advance(15 * 60_000 - 1);
    expect(await isOnline()).toBe(true);
    clock.advance(1);
    expect(await isOnline()).toBe(false);
    const checked = await service.put(ann, "here", {}, { isCheck: true });
    expect(checked).toMatchObject({ online: true, atime: clock.now() });
    expect(checked).not.toHaveProperty("saved");
    expect(await isOnline()).toBe(true);
    clock.advance(10 * 60_000);
    expect(await service.put(ann, "here", {}, { isCheck: true })).toMatchObject({ saved: true });
    expect(await service.put(ann, "away", {}, { isCheck: true })).toMatchObject({ saved: true, status: "away" });
    expect(told).toEqual([]);
    await service.put(ann, "back", {}, { publish: true });
    await expect.poll(() => told).toMatchObject([{ to: "ben", event: { path: "/status/put", id: "ann", status: "back" } }]);
    // Noted of requests at most once in a fifteenth of the interval, and not of one that removes the account.
    clock.advance(15 * 60_000);
    expect(await isOnline()).toBe(false);
    await service.touch("ann");
    expect(await isOnline()).toBe(true);
    const noted = await cache.get("status:seen:ann");
    clock.advance(60_000 - 1);
    await service.touch("ann");
    expect(await cache.get("status:seen:ann")).toBe(noted);
    clock.advance(1);
    await service.touch("ann");
    expect(await cache.get("status:seen:ann")).toBe(clock.now());
    clock.advance(60_000);
    await service.forget("ann");
    await service.touch("ann");
    expect(await service.list(ann, ["ann"])).toEqual([{ id: "ann", status: "", online: false, mtime: 0 }]);
    await Promise.all(subs.map((sub) => sub.close()));
  });
});
