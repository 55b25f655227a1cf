import { accountEvents, callsOf, connections, counters } from "@bk/modules";
import { type ConnectionService, connectionService, connectionTables } from "@bk/modules/connections";
import { counterTables } from "@bk/modules/counters";
import { silentLog, testClock, type TestClock } from "@bk/core";
import { openDb } from "@bk/db";
import type { Caller, ModuleDb, Row } from "@bk/modules";
import { openPubSub, type PubSub } from "@bk/queue";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { breaking } from "./breaking.js";
import { type ModuleServer, onEngines } from "./on-engines.js";

const columns = { note: {}, stars: { type: "int", value: 1 }, visits: { type: "counter" }, rank: { type: "int", admin: true } } as const;

async function rows({ test }: ModuleServer, login: string, path: string): Promise<readonly Row[]> {
  const { status, body } = await test.call(login, path);
  expect(status).toBe(200);
  return body["data"] as Row[];
}

let bus: PubSub;
beforeAll(async () => {
  bus = await openPubSub("local:");
});
afterAll(() => bus.close());

describe("the module connections", () => {
  onEngines(
    () => [connections({ columns, allow: { fixed: ["add"] } }), counters({ columns: { block0: { pub: true }, block1: {} } })],
    (server) => {
      const post = (login: string, path: string, json: unknown): ReturnType<typeof server.test.call> =>
        server.test.call(login, path, { json });
      const countsOf = async (login: string): Promise<Row> => (await server.test.call(login, "/counter/get")).body;

      it("connects two accounts: one has the connection, the other its reference, and both their counters", async () => {
        const [ann, ben] = [await server.add("ann"), await server.add("ben")];
        expect((await post(ann.login, "/connection/add", { peer: ben.id, type: "like", note: "met", visits: 2 })).body).toEqual({});
        const own = { id: ann.id, type: "like", peer: ben.id, name: "ben", status: null, note: "met", stars: 1, visits: 2 };
        const seen = { ...own, id: ben.id, peer: ann.id, name: "ann" };
        const mtime = expect.any(Number) as number;
        expect((await server.test.call(ann.login, `/connection/get?peer=${ben.id}&type=like`)).body).toEqual({ ...own, mtime });
        expect((await server.test.call(ben.login, `/reference/get?peer=${ann.id}&type=like`)).body).toEqual({ ...seen, mtime });
        expect(await rows(server, ann.login, "/connection/select")).toEqual([{ ...own, mtime }]);
        expect(await rows(server, ben.login, "/reference/select?type=like")).toEqual([{ ...seen, mtime }]);
        expect(await rows(server, ann.login, "/reference/select")).toEqual([]);
        expect(await rows(server, ben.login, "/connection/select")).toEqual([]);
        expect(await countsOf(ann.login)).toMatchObject({ like0: 1, like1: 0 });
        expect(await countsOf(ben.login)).toMatchObject({ like0: 0, like1: 1 });
        expect(await post(ann.login, "/connection/add", { peer: ben.id, type: "like" })).toMatchObject({ status: 409 });
        expect(await countsOf(ben.login)).toMatchObject({ like1: 1 });
      });

      it("replaces, changes and removes a connection and its reference, and counts what was made and removed alone", async () => {
        const [ann, ben] = [await server.add("ann"), await server.add("ben")];
        const edge = { peer: ben.id, type: "follow" };
        const both = async (): Promise<readonly unknown[]> => [
          (await server.test.call(ann.login, `/connection/get?peer=${ben.id}&type=follow`)).body,
          (await server.test.call(ben.login, `/reference/get?peer=${ann.id}&type=follow`)).body,
        ];
        expect(await post(ann.login, "/connection/update", { ...edge, note: "x" })).toMatchObject({ status: 404 });
        expect(await post(ann.login, "/connection/incr", { ...edge, visits: 1 })).toMatchObject({ status: 404 });
        expect(await post(ann.login, "/connection/put", { ...edge, note: "a", stars: 5 })).toMatchObject({ status: 200 });
        expect(await both()).toMatchObject([
          { note: "a", stars: 5 },
          { note: "a", stars: 5 },
        ]);
        expect(await post(ann.login, "/connection/put", { ...edge, status: "b" })).toMatchObject({ status: 200 });
        expect(await both()).toMatchObject(Array.from({ length: 2 }, () => ({ note: null, stars: 1, status: "b", visits: 0 })));
        expect(await post(ann.login, "/connection/update", { ...edge, note: "c" })).toMatchObject({ status: 200, body: {} });
        expect(await post(ann.login, "/connection/incr", { ...edge, visits: 2, stars: -3 })).toMatchObject({ status: 200 });
        expect(await both()).toMatchObject(Array.from({ length: 2 }, () => ({ note: "c", stars: -2, status: "b", visits: 2 })));
        expect(await post(ann.login, "/connection/incr", { ...edge, note: "c" })).toMatchObject({ status: 400, body: { field: "note" } });
        expect(await countsOf(ann.login)).toMatchObject({ follow0: 1 });
        expect(await countsOf(ben.login)).toMatchObject({ follow1: 1 });
        expect((await post(ann.login, "/connection/del", edge)).body).toEqual({});
        expect((await post(ann.login, "/connection/del", edge)).body).toEqual({});
        expect(await both()).toMatchObject([{ status: 404 }, { status: 404, message: "no connection" }]);
        expect(await countsOf(ann.login)).toMatchObject({ follow0: 0 });
        expect(await countsOf(ben.login)).toMatchObject({ follow1: 0 });
      });

      it("takes the other account as id, replies what the peer has made, and keeps from the peer what is not for it", async () => {
        const [ann, ben] = [await server.add("ann"), await server.add("ben")];
        expect((await post(ann.login, "/connection/add", { id: ben.id, type: "like", _connected: true })).body).toEqual({});
        const answer = await post(ben.login, "/connection/add", { id: ann.id, type: "like", _connected: true, status: "mine" });
        expect(answer.body).toEqual({ id: ann.id, type: "like", peer: ben.id, name: "ben", mtime: expect.any(Number) as number });
        expect(await post(ann.login, "/connection/add", { peer: ben.id, type: "block", _noreference: true, _alias: "B" })).toMatchObject({
          status: 200,
        });
        expect((await server.test.call(ann.login, `/connection/get?id=${ben.id}&type=block`)).body).toMatchObject({ name: "B" });
        expect(await server.test.call(ben.login, `/reference/get?peer=${ann.id}&type=block`)).toMatchObject({ status: 404 });
        expect(await rows(server, ben.login, "/reference/select?type=block")).toEqual([]);
        expect((await server.test.call(ben.login, "/reference/select?type=block&_total=1")).body).toEqual({ count: 0 });
        expect(
          (await post(ben.login, "/connection/add", { peer: ann.id, type: "block", _connected: true, _nocounter: true })).body,
        ).toEqual({});
        expect(await countsOf(ann.login)).toMatchObject({ block0: 1, block1: 0 });
        expect(await countsOf(ben.login)).toMatchObject({ block0: 0, block1: 0 });
        expect(await post(ben.login, "/connection/del", {})).toMatchObject({ status: 200 });
        expect(await post(ann.login, "/connection/del", { type: "block" })).toMatchObject({ status: 200 });
        expect(await countsOf(ann.login)).toMatchObject({ block0: 0, block1: 0, like0: 1, like1: 0 });
        expect(await countsOf(ben.login)).toMatchObject({ block0: 0, block1: 0, like0: 0, like1: 1 });
      });

      it("selects by whole types, by prefix when asked, in pages, sorted, narrowed and counted", async () => {
        const ann = await server.add("ann");
        const peers = await Promise.all(Array.from({ length: 7 }, () => server.add("peer")));
        for (const [i, { id }] of peers.entries()) await post(ann.login, "/connection/add", { peer: id, type: "like", stars: i });
        await post(ann.login, "/connection/add", { peer: peers[0]!.id, type: "likes" });
        await post(ann.login, "/connection/add", { peer: peers[0]!.id, type: "like_2" });
        const ids = peers.map(({ id }) => id).sort();
        const found: unknown[] = [];
        let token = "";
        do {
          const { body } = await server.test.call(ann.login, `/connection/select?type=like&_count=3&_start=${encodeURIComponent(token)}`);
          found.push(...(body["data"] as Row[]).map(({ peer }) => peer));
          token = body["next_token"] as string;
        } while (token !== "");
        expect(found).toEqual(ids);
        expect((await rows(server, ann.login, "/connection/select?type=like&_ops=type,begins_with")).length).toBe(9);
        expect((await rows(server, ann.login, "/connection/select?type=like_&_ops=type,begins_with")).length).toBe(1);
        expect(
          await rows(server, ann.login, "/connection/select?type=like&stars=4&_ops=stars,gt&_sort=stars&_desc=1&_select=stars"),
        ).toEqual([{ stars: 6 }, { stars: 5 }]);
        expect((await server.test.call(ann.login, "/connection/select?type=like&_total=1")).body).toEqual({ count: 7 });
        expect((await rows(server, ann.login, `/connection/select?peer=${peers[0]!.id}`)).map(({ type }) => type)).toEqual([
          "like",
          "like_2",
          "likes",
        ]);
        const first = (await server.test.call(ann.login, "/connection/select?type=like&_count=3")).body["next_token"] as string;
        expect(
          await server.test.call(peers[0]!.login, `/connection/select?type=like&_count=3&_start=${encodeURIComponent(first)}`),
        ).toMatchObject({ status: 400 });
      });

      it("keeps counters exact when many connect and part at once", async () => {
        const star = await server.add("star");
        const fans = await Promise.all(Array.from({ length: 12 }, () => server.add("fan")));
        const edge = { peer: star.id, type: "like" };
        const twice = await Promise.all([...fans, ...fans].map(({ login }) => post(login, "/connection/add", edge)));
        expect(twice.map(({ status }) => status).sort()).toEqual([...fans.map(() => 200), ...fans.map(() => 409)]);
        expect(await countsOf(star.login)).toMatchObject({ like0: 0, like1: 12 });
        await Promise.all([
          ...fans.slice(0, 8).flatMap(({ login }) => [post(login, "/connection/del", edge), post(login, "/connection/del", edge)]),
          ...fans.slice(8).map(({ id }) => post(star.login, "/connection/add", { peer: id, type: "like" })),
          ...fans.slice(8).map(({ login }) => post(login, "/connection/put", { ...edge, note: "again" })),
        ]);
        expect(await countsOf(star.login)).toMatchObject({ like0: 4, like1: 4 });
        expect((await rows(server, star.login, "/reference/select?type=like")).map(({ note }) => note)).toEqual([
          "again",
          "again",
          "again",
          "again",
        ]);
        expect(await countsOf(fans[0]!.login)).toMatchObject({ like0: 0, like1: 0 });
        expect(await countsOf(fans[11]!.login)).toMatchObject({ like0: 1, like1: 1 });
      });

      it("refuses what is no connection, what a type does not allow, and what others or the server set", async () => {
        const [ann, ben] = [await server.add("ann"), await server.add("ben")];
        const refused = async (path: string, json: object, status: number, field?: string): Promise<void> => {
          const reply = await post(ann.login, path, json);
          expect({ path, json, status: reply.status, field: reply.body["field"] }).toEqual({ path, json, status, field });
        };
        for (const verb of ["add", "put", "update", "incr"]) {
          const path = `/connection/${verb}`;
          await refused(path, { type: "like" }, 400, "peer");
          await refused(path, { peer: ben.id }, 400, "type");
          await refused(path, { peer: ann.id, type: "like" }, 400, "peer");
          for (const type of ["Like", "li|ke", "li ke", "x".repeat(33)]) await refused(path, { peer: ben.id, type }, 400, "type");
          for (const name of ["name", "own_name", "silent", "counted", "told", "token", "ending", "mtime", "other"])
            await refused(path, { peer: ben.id, type: "like", [name]: "1" }, 400, name);
          await refused(path, { peer: ben.id, type: "like", rank: 1 }, 403, "rank");
          await refused(path, { peer: ben.id, type: "like", stars: "many" }, 400, "stars");
          await refused(`/reference/${verb}`, { peer: ben.id, type: "like" }, 400, "type");
          expect(await server.test.call(ann.login, path, { json: { peer: ben.id, type: "like" }, signed: false })).toMatchObject({
            status: 401,
          });
        }
        for (const verb of ["add", "put"]) await refused(`/connection/${verb}`, { peer: "u_nobody", type: "like" }, 404);
        await refused("/reference/del", {}, 400, "type");
        await refused("/connection/add", { peer: ben.id, type: "fixed" }, 200);
        await refused("/connection/put", { peer: ben.id, type: "fixed" }, 400, "type");
        await refused("/connection/del", { peer: ben.id, type: "fixed" }, 400, "type");
        await refused("/connection/del", {}, 200);
        expect(await rows(server, ann.login, "/connection/select")).toMatchObject([{ type: "fixed" }]);
        for (const query of [
          "token=x",
          "silent=1",
          "_sort=token",
          "_select=own_name",
          "_ops=stars,gt",
          "_ops=type",
          "stars=1&_ops=stars,regexp",
          "_sort=stars;drop",
        ])
          expect({ query, status: (await server.test.call(ann.login, `/connection/select?${query}`)).status }).toEqual({
            query,
            status: 400,
          });
      });

      it("forgets an account on both sides, and lets nobody count it any more", async () => {
        const [ann, ben, eve] = [await server.add("ann"), await server.add("ben"), await server.add("eve")];
        for (const [from, to] of [
          [ann, ben],
          [ben, ann],
          [eve, ann],
          [eve, ben],
        ] as const)
          await post(from.login, "/connection/add", { peer: to.id, type: "like", _noreference: from === eve });
        const { db } = server.test.server;
        const service = connectionService({
          db: callsOf(db),
          events: accountEvents({ bus, log: silentLog }),
          directory: { find: () => Promise.resolve(new Map()) },
          clock: testClock(),
          log: silentLog,
          own: connectionTables(columns),
          tables: { ...counterTables({ block0: { pub: true }, block1: {} }) },
        });
        await service.forget(ann.id);
        await service.forget(ann.id);
        for (const { login } of [ann, ben])
          for (const path of ["/connection/select", "/reference/select"]) expect(await rows(server, login, path)).toEqual([]);
        expect(await rows(server, eve.login, "/connection/select")).toMatchObject([{ peer: ben.id }]);
        expect(await countsOf(ben.login)).toMatchObject({ like0: 0, like1: 0 });
        expect(await countsOf(eve.login)).toMatchObject({ like0: 1, like1: 0 });
      });
    },
  );
});

const ann: Caller = { id: "ann", login: "ann", name: "Ann", isAdmin: false, types: [] };
const own = connectionTables({ note: {} });
const tables = { ...own, ...counterTables() };

describe.each([{ isAlone: true }, { isAlone: false }])("connections that are interrupted (one row at a time: $isAlone)", ({ isAlone }) => {
  async function interrupted(
    work: (service: ConnectionService) => Promise<void>,
    prepare: (service: ConnectionService) => Promise<void>,
    check: (service: ConnectionService, state: State) => Promise<void> | void,
  ): Promise<number> {
    let isDone = false;
    let calls = 0;
    for (; !isDone; calls++) {
      await using opened = await openDb({ url: "memory:", tables });
      const { db, breakAfter } = breaking(callsOf(opened), isAlone);
      const clock: TestClock = testClock();
      const service = connectionService({
        db,
        events: accountEvents({ bus, log: silentLog }),
        directory: { find: (ids) => Promise.resolve(new Map(ids.map((id) => [id, { id, name: id }]))) },
        clock,
        log: silentLog,
        own,
        tables,
      });
      await prepare(service);
      breakAfter(calls);
      isDone = await work(service).then(
        () => true,
        (error: unknown) => {
          expect(error).toMatchObject({ code: "timeout" });
          return false;
        },
      );
      breakAfter(Infinity);
      clock.advance(61_000);
      await service.repair();
      await check(service, await stateOf(callsOf(opened)));
      expect(await callsOf(opened).count("bk_connection_task", {}, { scan: true })).toBe(0);
    }
    return calls;
  }

  interface State {
    readonly connections: readonly Row[];
    readonly references: readonly Row[];
    readonly like0: number;
    readonly like1: number;
  }

  async function stateOf(db: ModuleDb): Promise<State> {
    const { rows: made } = await db.select("bk_connection");
    const { rows: references } = await db.select("bk_reference");
    const counts = await db.list("bk_counter", ["ann", "ben"]);
    const sum = (name: string): number => counts.reduce((total, row) => total + (row[name] as number), 0);
    for (const row of counts) expect(row["applied"]).toEqual([]);
    for (const row of made) expect(row).toMatchObject({ token: null, ending: null });
    return { connections: made, references, like0: sum("like0"), like1: sum("like1") };
  }

  const consistent = ({ connections: made, references, like0, like1 }: State): void => {
    expect(references.map(({ peer, id, type, note }) => ({ id: peer, peer: id, type, note }))).toEqual(
      made.map(({ id, peer, type, note }) => ({ id, peer, type, note })),
    );
    expect({ like0, like1 }).toEqual({ like0: made.length, like1: references.length });
  };
  const add = (service: ConnectionService): Promise<void> => service.add(ann, "ben", "like", { note: "a" });
  const nothing = (): Promise<void> => Promise.resolve();

  it("are made wholly or not at all, and counted once", async () => {
    const calls = await interrupted(add, nothing, async (service, state) => {
      consistent(state);
      if (state.connections.length === 0) await add(service);
      else await expect(add(service)).rejects.toMatchObject({ code: "already-exists" });
    });
    expect(calls).toBeGreaterThan(4);
  });

  it("are removed wholly or not at all, and counted once", async () => {
    const calls = await interrupted(
      (service) => service.del(ann, { peer: "ben", type: "like" }),
      add,
      async (service, state) => {
        consistent(state);
        await service.put(ann, "ben", "like", {});
        expect(await service.get(ann, "connection", "ben", "like")).toMatchObject({ peer: "ben" });
      },
    );
    expect(calls).toBeGreaterThan(4);
  });

  it("are changed on both sides or on none", async () => {
    await interrupted(
      (service) => service.update(ann, "ben", "like", { note: "b" }),
      add,
      (_service, state) => {
        consistent(state);
        expect(state.connections).toHaveLength(1);
      },
    );
    await interrupted(
      (service) => service.put(ann, "ben", "like", { note: "b" }),
      nothing,
      (_service, state) => consistent(state),
    );
  });

  it("are carried on by whoever comes next, once their time is over", async () => {
    if (!isAlone) return;
    await using opened = await openDb({ url: "memory:", tables });
    const { db, breakAfter } = breaking(callsOf(opened), true);
    const clock = testClock({ autoAdvance: true });
    const directory = { find: (ids: readonly string[]) => Promise.resolve(new Map(ids.map((id) => [id, { id, name: id }]))) };
    const service = connectionService({
      db,
      events: accountEvents({ bus, log: silentLog }),
      directory,
      clock,
      log: silentLog,
      own,
      tables,
    });
    breakAfter(3);
    await expect(add(service)).rejects.toMatchObject({ code: "timeout" });
    breakAfter(Infinity);
    await expect(service.del(ann, { peer: "ben", type: "like" })).rejects.toMatchObject({ code: "limited" });
    clock.advance(61_000);
    await service.del(ann, { peer: "ben", type: "like" });
    expect(await stateOf(callsOf(opened))).toMatchObject({ connections: [], references: [], like0: 0, like1: 0 });
  });
});
