import { counters } from "@bk/modules";
import { describe, expect, it } from "vitest";

import { onEngines } from "./on-engines.js";

describe("the module counters", () => {
  onEngines(
    () => [counters({ columns: { visits: { pub: true }, drafts: {} }, pingsPerMinute: 5 })],
    (server) => {
      it("counts for the account itself, and gives others what is public", async () => {
        const [ann, ben] = [await server.add("ann"), await server.add("ben")];
        const { call } = server.test;
        expect((await call(ann.login, "/counter/get")).body).toEqual({});
        expect((await call(ann.login, "/counter/incr", { json: { drafts: 3, visits: 2 } })).body).toEqual({
          id: ann.id,
          drafts: 3,
          visits: 2,
        });
        expect((await call(ann.login, "/counter/incr", { json: { drafts: -1 } })).body).toEqual({ id: ann.id, drafts: 2 });
        expect((await call(ann.login, "/counter/get")).body).toMatchObject({ id: ann.id, ping: 0, drafts: 2, visits: 2, like0: 0 });
        expect((await call(ben.login, `/counter/get?id=${ann.id}`)).body).toEqual({ id: ann.id, ping: 0, visits: 2 });
        expect((await call(ann.login, "/counter/update", { json: { drafts: 9 } })).status).toBe(200);
        expect((await call(ann.login, "/counter/get")).body).toMatchObject({ drafts: 9, visits: 2 });
        expect((await call(ann.login, "/counter/put", { json: { visits: 1 } })).body).toEqual({});
        expect((await call(ann.login, "/counter/get")).body).toMatchObject({ drafts: 0, visits: 1 });
      });

      it("lets others add one to public counters, not too often, and loses none of many at once", async () => {
        const ann = await server.add("ann");
        const { call } = server.test;
        const others = await Promise.all(Array.from({ length: 8 }, () => server.add("fan")));
        const replies = await Promise.all(others.map(({ login }) => call(login, "/counter/incr", { json: { id: ann.id, ping: 1 } })));
        expect(replies.map(({ status }) => status)).toEqual(others.map(() => 200));
        expect((await call(ann.login, "/counter/get")).body).toMatchObject({ ping: 8 });
        const fan = others[0]!.login;
        expect(await call(fan, "/counter/incr", { json: { id: ann.id, drafts: 1 } })).toMatchObject({ status: 403 });
        expect(await call(fan, "/counter/incr", { json: { id: ann.id, ping: 2 } })).toMatchObject({ status: 400, body: { field: "ping" } });
        expect(await call(fan, "/counter/incr", { json: { id: ann.id, ping: -1 } })).toMatchObject({ status: 400 });
        expect(await call(fan, "/counter/incr", { json: { id: "u_nobody", ping: 1 } })).toMatchObject({ status: 404 });
        for (let i = 0; i < 3; i++) await call(fan, "/counter/incr", { json: { id: ann.id, ping: 1 } });
        const refused = await call(fan, "/counter/incr", { json: { id: ann.id, ping: 1 } });
        expect(refused.status).toBe(429);
        expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
      });

      it("refuses what keeps itself, what is no counter, and callers without an account", async () => {
        const ann = await server.add("ann");
        const { call } = server.test;
        for (const command of ["put", "update", "incr"]) {
          expect(await call(ann.login, `/counter/${command}`, { json: { like0: 1 } })).toMatchObject({ status: 403 });
          expect(await call(ann.login, `/counter/${command}`, { json: { other: 1 } })).toMatchObject({
            status: 400,
            body: { field: "other" },
          });
          expect(await call(ann.login, `/counter/${command}`, { json: { drafts: "many" } })).toMatchObject({
            status: 400,
            body: { field: "drafts" },
          });
          expect(await call(ann.login, `/counter/${command}`, { json: {} })).toMatchObject({ status: 400 });
          expect(await call(ann.login, `/counter/${command}`, { json: { drafts: 1 }, signed: false })).toMatchObject({ status: 401 });
        }
        expect(await call(ann.login, "/counter/incr", { json: { drafts: 1_000_001 } })).toMatchObject({
          status: 400,
          body: { field: "drafts" },
        });
        expect(await call(ann.login, "/counter/other")).toMatchObject({ status: 404 });
      });
    },
  );
});
