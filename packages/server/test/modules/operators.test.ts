// Operators of the data API in the endpoints of modules that take `_ops`.
import { accounts, connections, messages } from "@bk/modules";
import { expect, it } from "vitest";

import { onEngines } from "./on-engines.js";

onEngines(
  () => [accounts(), connections({ columns: { note: {} } }), messages({ columns: { label: {} } })],
  (server) => {
    const rows = async (login: string, path: string, json: object): Promise<Record<string, unknown>[]> => {
      const { status, body, text } = await server.test.call(login, path, { json });
      expect([path, json, status, text.slice(0, 200)]).toEqual([path, json, 200, text.slice(0, 200)]);
      return body["data"] as Record<string, unknown>[];
    };

    it("compare messages and connections in each way that the data API has", async () => {
      const [ann, ben] = [await server.add("ann"), await server.add("ben")];
      const times: number[] = [];
      for (const [msg, label] of [
        ["one", "red"],
        ["two", "blue"],
        ["three", null],
      ] as const) {
        const sent = await server.test.call(ben.login, "/message/add", { json: { id: ann.id, msg, ...(label === null ? {} : { label }) } });
        times.push((JSON.parse(sent.text) as { mtime: number }[])[0]!.mtime);
      }
      const found = async (json: object): Promise<unknown[]> => (await rows(ann.login, "/message/get", json)).map(({ msg }) => msg);
      expect(await found({ mtime: times.slice(0, 2), _ops: "mtime,in" })).toEqual(["one", "two"]);
      expect(await found({ mtime: `${times[1]},${times[2]}`, _ops: { mtime: "between" } })).toEqual(["two", "three"]);
      expect(await found({ label: true, _ops: ["label", "null"] })).toEqual(["three"]);
      expect(await found({ label: "r%", _ops: "label,like" })).toEqual(["one"]);
      expect(await found({ label: "red", _ops: "label,<>" })).toEqual(["two"]);
      expect(await found({ label: "red,blue", msg: "t", _ops: "label,in,msg,begins_with" })).toEqual(["two"]);
      expect(await found({ mtime: times[1], sender: ben.id })).toEqual(["two"]);
      const change = (path: string, json: object): Promise<unknown> =>
        server.test.call(ann.login, path, { json }).then(({ status, body }) => body["count"] ?? status);
      expect(await change("/message/read", { mtime: times.slice(1), _ops: "mtime,in" })).toBe(2);
      expect(await change("/message/archive", { mtime: times[0], _ops: "mtime,le" })).toBe(1);
      expect((await rows(ann.login, "/message/get/archive", { mtime: 0 })).map(({ msg }) => msg)).toEqual(["one"]);
      expect((await rows(ben.login, "/message/get/sent", { id: ann.id, mtime: times[1] })).map(({ msg }) => msg)).toEqual(["three"]);
      for (const [type, note] of [
        ["like", "a"],
        ["love", null],
      ] as const)
        await server.test.call(ann.login, "/connection/add", { json: { peer: ben.id, type, ...(note === null ? {} : { note }) } });
      const types = async (path: string, login: string, json: object): Promise<unknown[]> =>
        (await rows(login, path, json)).map(({ type }) => type);
      expect(await types("/connection/select", ann.login, { note: true, _ops: "note,null" })).toEqual(["love"]);
      expect(await types("/reference/select", ben.login, { type: "like,hate", id: ann.id, _ops: "type,in" })).toEqual(["like"]);
    });

    it("refuse what the data API refuses, and name the field", async () => {
      const ann = await server.add("ann");
      for (const [path, json, field] of [
        ["/message/get", { mtime: 1, _ops: "mtime,regexp" }, "_ops"],
        ["/message/get", { mtime: 1, _ops: "mtime" }, "_ops"],
        ["/message/get", { mtime: 1, _ops: 7 }, "_ops"],
        ["/message/get", { _ops: "mtime,gt" }, "mtime"],
        ["/message/get", { mtime: "soon" }, "mtime"],
        ["/message/get", { mtime: [1, 2] }, "mtime"],
        ["/message/get", { sender: { $ne: null } }, "sender"],
        ["/message/get", { mtime: [1], _ops: "mtime,between" }, "mtime"],
        ["/message/get", { token: "x" }, "token"],
        ["/message/get", { mtime_$gt: 1 }, "mtime_$gt"],
        ["/message/get", { $or: [{ read: 1 }] }, "$or"],
        ["/message/del", { _ops: "mtime,lt" }, "mtime"],
        ["/message/del", { sender: "" }, "sender"],
        ["/connection/select", { own_name: "x" }, "own_name"],
        ["/account/select", { email: "x%", name: "y", _ops: "name,likes" }, "_ops"],
      ] as const)
        expect([path, json, await server.test.call(ann.login, path, { json })]).toMatchObject([
          path,
          json,
          { status: 400, body: { field } },
        ]);
      // What is not public is not asked for, however it is compared.
      expect((await server.test.call(ann.login, "/account/select", { json: { email: "a%", _ops: "email,like" } })).status).toBe(403);
    });
  },
);
