import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { signUrl } from "@bk/auth";
import { accountEvents, callsOf, type Caller, counters, messages, type ModuleDb, type Row } from "@bk/modules";
import { counterTables } from "@bk/modules/counters";
import { plainImages } from "@bk/modules/icons";
import { folderStorage } from "@bk/modules/storage";
import { type MessageImages, messageImages, type MessageService, messageService, messageTables } from "@bk/modules/messages";
import { openCache, type Cache } from "@bk/cache";
import { silentLog, testClock, type TestClock } from "@bk/core";
import { openDb } from "@bk/db";
import { openPubSub, type PubSub } from "@bk/queue";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { origin } from "../start-server.js";
import { breaking } from "./breaking.js";
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

const home = mkdtempSync(join(tmpdir(), "bk-messages-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));
/** Every file that is kept, whoever it belongs to. */
const kept = (): string[] =>
  readdirSync(home, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);

const columns = { topic: {}, rank: { type: "int", admin: true } } as const;
const blocked = new Set<string>();
const anyTime = expect.any(Number) as number;

describe("the module messages", () => {
  onEngines(
    () => [
      messages({ columns, accepts: ({ sender, recipient }) => !blocked.has(`${sender} ${recipient}`) }),
      counters({ columns: { msg0: {}, msg1: {} } }),
    ],
    (server) => {
      const post = (login: string, path: string, json: unknown): ReturnType<typeof server.test.call> =>
        server.test.call(login, path, { json });
      const body = async (login: string, path: string): Promise<Row> => {
        const { status, body: reply } = await server.test.call(login, path);
        expect(status).toBe(200);
        return reply;
      };
      const rows = async (login: string, path: string): Promise<Row[]> => (await body(login, path))["data"] as Row[];
      const texts = async (login: string, path: string): Promise<unknown[]> => (await rows(login, path)).map(({ msg }) => msg);
      const unread = async (login: string): Promise<unknown> => (await body(login, "/message/get/unread"))["count"];
      const send = async (login: string, to: string, msg: string, more: object = {}): Promise<number> => {
        const { status, body: sent } = await post(login, "/message/add", { id: to, msg, ...more });
        expect({ status, sent }).toMatchObject({ status: 200, sent: [{ id: to, mtime: anyTime }] });
        return (sent as unknown as { mtime: number }[])[0]!.mtime;
      };

      it("brings a message into the inbox of its recipient, and a copy to its sender", async () => {
        const [ann, ben, eve] = [await server.add("ann"), await server.add("ben"), await server.add("eve")];
        const mtime = await send(ann.login, ben.id, "hello", { topic: "greeting" });
        const message = { msg: "hello", topic: "greeting", flags: null, ctime: anyTime, mtime };
        expect(await rows(ben.login, "/message/get")).toEqual([{ ...message, id: ben.id, sender: ann.id, name: "ann", read: 0 }]);
        expect(await rows(ann.login, "/message/get/sent")).toEqual([{ ...message, id: ann.id, recipient: ben.id, name: "ben" }]);
        expect(await unread(ben.login)).toBe(1);
        expect(await body(ann.login, "/counter/get")).toMatchObject({ msg0: 1, msg1: 0 });
        expect(await body(ben.login, "/counter/get")).toMatchObject({ msg0: 0, msg1: 1 });
        for (const path of ["/message/get", "/message/get/archive", "/message/get/sent"]) expect(await rows(eve.login, path)).toEqual([]);
        expect(await rows(ann.login, "/message/get")).toEqual([]);
        await send(ann.login, ben.id, "quiet", { _nosent: true, _nocounter: true });
        expect(await texts(ann.login, "/message/get/sent")).toEqual(["hello"]);
        expect(await texts(ben.login, "/message/get")).toEqual(["hello", "quiet"]);
        expect(await body(ben.login, "/counter/get")).toMatchObject({ msg1: 1 });
      });

      it("marks messages as read, exactly once, and counts what is unread", async () => {
        const [ann, ben, eve] = [await server.add("ann"), await server.add("ben"), await server.add("eve")];
        const times = [await send(ann.login, ben.id, "1"), await send(ann.login, ben.id, "2"), await send(eve.login, ben.id, "3")];
        expect(await unread(ben.login)).toBe(3);
        const read = async (json: object): Promise<unknown> => (await post(ben.login, "/message/read", json)).body;
        expect(await read({ sender: eve.id, mtime: times[0] })).toEqual({ count: 0 });
        const twice = await Promise.all([1, 2, 3].map(() => read({ sender: ann.id, mtime: times[0] })));
        expect(twice.map((reply) => (reply as { count: number }).count).sort()).toEqual([0, 0, 1]);
        expect(await unread(ben.login)).toBe(2);
        expect(await rows(ben.login, "/message/get?read=1")).toMatchObject([{ msg: "1" }]);
        expect((await post(eve.login, "/message/read", { _all: true })).body).toEqual({ count: 0 });
        expect(await read({ sender: ann.id })).toEqual({ count: 1 });
        expect(await read({ _all: true })).toEqual({ count: 1 });
        expect(await unread(ben.login)).toBe(0);
        await send(ann.login, ben.id, "4");
        expect(await unread(ben.login)).toBe(1);
      });

      it("moves messages to the archive and removes them, one, some or all", async () => {
        const [ann, ben, eve] = [await server.add("ann"), await server.add("ben"), await server.add("eve")];
        const times: number[] = [];
        for (const text of ["1", "2", "3", "4", "5"]) times.push(await send(ann.login, ben.id, text, { topic: text }));
        await send(eve.login, ben.id, "eve's");
        expect((await post(ben.login, "/message/archive", { sender: ann.id, mtime: times[1] })).body).toEqual({ count: 1 });
        expect(await post(ben.login, "/message/archive", { sender: ann.id, mtime: times[1] })).toMatchObject({ status: 404 });
        expect(await post(ben.login, "/message/archive", { sender: eve.id, mtime: times[2] })).toMatchObject({ status: 404 });
        expect(await rows(ben.login, "/message/get/archive")).toEqual([
          { id: ben.id, sender: ann.id, name: "ann", msg: "2", topic: "2", mtime: times[1], ctime: anyTime, flags: null, read: 0 },
        ]);
        expect(await texts(ben.login, "/message/get")).toEqual(["1", "3", "4", "5", "eve's"]);
        expect(await texts(ben.login, "/message/get?_archive=1&_count=2")).toEqual(["1", "3"]);
        expect(await texts(ben.login, "/message/get/archive")).toEqual(["1", "2", "3"]);
        expect(await texts(ben.login, `/message/get/archive?mtime=${times[0]}`)).toEqual(["2", "3"]);
        expect(await texts(ben.login, `/message/get/archive?mtime=${times[1]}&_ops=mtime,le&_desc=1`)).toEqual(["2", "1"]);
        expect(await unread(ben.login)).toBe(3);
        expect((await post(ben.login, "/message/update/archive", { mtime: times[0], flags: ["a"], read: 1 })).body).toEqual({});
        expect(await post(ben.login, "/message/update", { mtime: times[0], read: 1 })).toMatchObject({ status: 404 });
        expect(await rows(ben.login, "/message/get/archive?_count=1")).toMatchObject([{ flags: ["a"], read: 1 }]);
        expect((await post(ben.login, "/message/del/archive", { mtime: times[1], _ops: ["mtime", "le"] })).body).toEqual({});
        expect(await texts(ben.login, "/message/get/archive")).toEqual(["3"]);
        expect((await post(ben.login, "/message/del", { sender: eve.id })).body).toEqual({});
        expect(await texts(ben.login, "/message/get?_trash=1&_count=1")).toEqual(["4"]);
        expect(await texts(ben.login, "/message/get")).toEqual(["5"]);
        expect(await body(ben.login, "/message/get?_archive=1&_total=1")).toEqual({ count: 1 });
        expect(await body(ben.login, "/message/get/archive?_total=1")).toEqual({ count: 2 });
        expect((await post(ben.login, "/message/del/archive", { _all: true })).body).toEqual({});
        expect(await rows(ben.login, "/message/get/archive")).toEqual([]);
        expect(await texts(ann.login, "/message/get/sent?_desc=1")).toEqual(["5", "4", "3", "2", "1"]);
        expect(await texts(ann.login, `/message/get/sent?id=${ben.id}&mtime=${times[2]}`)).toEqual(["4", "5"]);
        expect(await texts(ann.login, `/message/get/sent?recipient=${eve.id}`)).toEqual([]);
        await post(ann.login, "/message/del/sent", { recipient: ben.id, mtime: times[0] });
        expect(await texts(ann.login, "/message/get/sent")).toEqual(["2", "3", "4", "5"]);
        await post(ann.login, "/message/del/sent", { id: ben.id });
        expect(await body(ann.login, "/message/get/sent?_total=1")).toEqual({ count: 0 });
        expect(await texts(eve.login, "/message/get/sent")).toEqual(["eve's"]);
      });

      it("gives every message of many at once a time of its own, and moves each once", async () => {
        const ben = await server.add("ben");
        const senders = await Promise.all(Array.from({ length: 8 }, () => server.add("sender")));
        const sent = await Promise.all([0, 1, 2].flatMap((n) => senders.map(({ login }) => send(login, ben.id, `${login} ${n}`))));
        expect(new Set(sent).size).toBe(24);
        expect(await unread(ben.login)).toBe(24);
        const pages = await Promise.all(Array.from({ length: 4 }, () => texts(ben.login, "/message/get?_archive=1&_count=24")));
        const moved = pages.flat();
        expect(new Set(moved).size).toBe(moved.length);
        const [inbox, archive] = [
          await texts(ben.login, "/message/get?_count=100"),
          await texts(ben.login, "/message/get/archive?_count=100"),
        ];
        expect(archive.length).toBe(moved.length);
        expect([...inbox, ...archive].sort()).toEqual([0, 1, 2].flatMap((n) => senders.map(({ login }) => `${login} ${n}`)).sort());
        expect(await unread(ben.login)).toBe(inbox.length);
      });

      it("sends to several, and says who does not take it", async () => {
        const [ann, ben, eve] = [await server.add("ann"), await server.add("ben"), await server.add("eve")];
        blocked.add(`${ann.id} ${eve.id}`);
        expect((await post(ann.login, "/message/add", { id: [ben.id, eve.id], msg: "both" })).body).toEqual([
          { id: ben.id, mtime: anyTime, sender: ann.id },
          { id: eve.id, error: "the recipient does not take this message" },
        ]);
        expect((await server.test.call(ann.login, `/message/add?id=${ben.id},${ann.id}&msg=two`)).body).toMatchObject([
          { id: ben.id },
          { id: ann.id },
        ]);
        expect(await texts(ben.login, "/message/get")).toEqual(["both", "two"]);
        expect(await texts(ann.login, "/message/get")).toEqual(["two"]);
        expect(await rows(eve.login, "/message/get")).toEqual([]);
        expect((await rows(ann.login, "/message/get/sent")).map(({ recipient }) => recipient).sort()).toEqual(
          [ben.id, ben.id, ann.id].sort(),
        );
        expect(await post(ann.login, "/message/add", { id: [ben.id, "u_nobody"], msg: "none" })).toMatchObject({ status: 404 });
        expect(await texts(ben.login, "/message/get")).toEqual(["both", "two"]);
      });

      it("finds messages by sender and by what they say", async () => {
        const [ann, ben, eve] = [await server.add("ann"), await server.add("ben"), await server.add("eve")];
        for (const [login, text] of [
          [ann.login, "Lunch at 100%?"],
          [eve.login, "lunch_time"],
          [ann.login, "no"],
        ] as const)
          await send(login, ben.id, text);
        expect(await texts(ben.login, "/message/get?q=LUNCH")).toEqual(["Lunch at 100%?", "lunch_time"]);
        expect(await texts(ben.login, "/message/get?q=100%25")).toEqual(["Lunch at 100%?"]);
        expect(await texts(ben.login, "/message/get?q=h_")).toEqual(["lunch_time"]);
        expect(await texts(ben.login, `/message/get?sender=${ann.id}&_desc=1`)).toEqual(["no", "Lunch at 100%?"]);
        expect(await texts(ben.login, "/message/get?msg=lunch&_ops=msg,begins_with")).toEqual(["lunch_time"]);
        expect(await body(ben.login, `/message/get?sender=${ann.id}&_total=1`)).toEqual({ count: 2 });
      });

      it("refuses what says nothing, what others or the server set, and what does not say which", async () => {
        const [ann, ben] = [await server.add("ann"), await server.add("ben")];
        await send(ben.login, ann.id, "keep");
        const refused = async (path: string, json: object, status: number, field?: string): Promise<void> => {
          const reply = await post(ann.login, path, json);
          expect({ path, json, status: reply.status, field: reply.body["field"] }).toEqual({ path, json, status, field });
        };
        await refused("/message/add", { msg: "x" }, 400, "id");
        await refused("/message/add", { id: ben.id }, 400, "msg");
        await refused("/message/add", { id: ben.id, msg: "" }, 400, "msg");
        await refused("/message/add", { id: ben.id, msg: "x".repeat(65_537) }, 400, "msg");
        await refused("/message/add", { id: ben.id, msg: "ü".repeat(40_000) }, 400, "msg");
        await refused("/message/add", { id: [ben.id, ben.id], msg: "x" }, 400, "id");
        await refused("/message/add", { id: Array.from({ length: 51 }, (_, i) => `u_${i}`), msg: "x" }, 400, "id");
        for (const name of ["read", "flags", "sender", "name", "mtime", "ctime", "token", "box", "moved", "pending", "icon_type", "other"])
          await refused("/message/add", { id: ben.id, msg: "x", [name]: "1" }, 400, name);
        await refused("/message/add", { id: ben.id, msg: "x", rank: 1 }, 403, "rank");
        for (const path of ["read", "archive", "update", "update/archive", "del", "del/archive"])
          await refused(`/message/${path}`, path.startsWith("update") ? { read: 1 } : {}, 400, "sender");
        await refused("/message/del/sent", {}, 400, "recipient");
        for (const name of ["msg", "sender_name", "token", "box", "ctime"])
          await refused("/message/update", { mtime: 1, [name]: "1" }, 400, name);
        await refused("/message/update", { _all: true, read: null }, 400, "read");
        await refused("/message/update", { _all: true, read: "x" }, 400, "read");
        for (const query of ["_sort=token", "_select=moved", "token=x", "box=archive", "id=x", "mtime=soon", "read=1&_ops=read,regexp"])
          expect({ query, status: (await server.test.call(ann.login, `/message/get?${query}`)).status }).toEqual({ query, status: 400 });
        for (const path of [
          "add",
          "get",
          "get/unread",
          "get/archive",
          "get/sent",
          "read",
          "archive",
          "update",
          "del",
          "del/archive",
          "del/sent",
        ])
          expect(await server.test.call(ann.login, `/message/${path}`, { signed: false })).toMatchObject({ status: 401 });
        expect(await texts(ann.login, "/message/get")).toEqual(["keep"]);
      });

      it("brings images to those alone who have the message, until they remove it", async () => {
        const [ann, ben, eve] = [await server.add("ann"), await server.add("ben"), await server.add("eve")];
        const before = kept().length;
        const png = await sharp({ create: { width: 40, height: 20, channels: 3, background: "#c00" } })
          .png()
          .toBuffer();
        const sent = await post(ann.login, "/message/add", { id: [ben.id, eve.id], icon: png.toString("base64"), topic: "red" });
        const [mtime, other] = (sent.body as unknown as { mtime: number }[]).map(({ mtime }) => mtime);
        expect(kept().length).toBe(before + 4);
        const image = async (login: string, path: string, init: RequestInit = {}): Promise<{ reply: Response; bytes: Buffer }> => {
          const url = await signUrl({ url: origin + path, login, secret: `secret of ${login}` });
          const reply = await server.test.server.app.fetch(new Request(url, init));
          return { reply, bytes: Buffer.from(await reply.arrayBuffer()) };
        };
        const url = `/message/image?sender=${ann.id}&mtime=${mtime}`;
        expect(await rows(ben.login, "/message/get")).toMatchObject([{ msg: null, topic: "red", icon: url }]);
        const { reply, bytes } = await image(ben.login, url);
        expect([reply.status, reply.headers.get("content-type"), reply.headers.get("x-content-type-options")]).toEqual([
          200,
          "image/jpeg",
          "nosniff",
        ]);
        expect(await sharp(bytes).metadata()).toMatchObject({ format: "jpeg", width: 40, height: 20 });
        const etag = reply.headers.get("etag")!;
        expect((await image(ben.login, url, { headers: { "if-none-match": etag } })).reply.status).toBe(304);
        const copies = (await rows(ann.login, "/message/get/sent")).map(({ icon }) => String(icon));
        expect(copies.sort()).toEqual(
          [`${url}&recipient=${ben.id}`, `/message/image?sender=${ann.id}&mtime=${other}&recipient=${eve.id}`].sort(),
        );
        for (const copy of copies) expect((await image(ann.login, copy)).bytes).toEqual(bytes);
        // Not by those who do not have it, nor with the names of others.
        for (const [login, path] of [
          [ann.login, url],
          [eve.login, `${url}&recipient=${ben.id}`],
          [ben.login, `${url}&recipient=${ben.id}`],
          [ben.login, `${url}&_archive=1`],
          [ben.login, `/message/image?sender=${eve.id}&mtime=${mtime}`],
          [(await server.add("nosy")).login, url],
        ] as const)
          expect([path, (await image(login, path)).reply.status]).toEqual([path, 404]);
        for (const path of ["/message/image", `/message/image?sender=${ann.id}`, `/message/image?mtime=${mtime}`])
          expect((await server.test.call(ben.login, path)).status).toBe(400);
        expect((await server.test.call(ben.login, url, { signed: false })).status).toBe(401);

        await post(ben.login, "/message/archive", { sender: ann.id, mtime });
        const [archived] = await rows(ben.login, "/message/get/archive");
        expect(archived!["icon"]).toBe(`${url}&_archive=1`);
        for (const path of [url, String(archived!["icon"])]) expect((await image(ben.login, path)).bytes).toEqual(bytes);
        await post(ben.login, "/message/del/archive", { sender: ann.id });
        expect([(await image(ben.login, url)).reply.status, kept().length]).toEqual([404, before + 3]);
        expect(await rows(eve.login, "/message/get?_trash=1")).toEqual([expect.not.objectContaining({ icon: expect.anything() })]);
        expect(kept().length).toBe(before + 2);
        for (const copy of copies) expect((await image(ann.login, copy)).reply.status).toBe(200);
        await post(ann.login, "/message/del/sent", { recipient: ben.id });
        expect(kept().length).toBe(before + 1);
        await post(ben.login, "/message/add", { id: ann.id, msg: "back", icon: png.toString("base64") });
        await post(ann.login, "/message/add", { id: ann.id, icon: png.toString("base64") });
        expect((await rows(ann.login, "/message/get")).map(({ msg, icon }) => [msg, typeof icon])).toEqual([
          ["back", "string"],
          [null, "string"],
        ]);
        expect(kept().length).toBe(before + 5);
        const pictures = messageImages({
          db: callsOf(server.test.server.db),
          clock: testClock(),
          log: silentLog,
          storage: folderStorage(join(home, "var", "objects")),
          images: plainImages(),
        });
        const service = serviceOn(callsOf(server.test.server.db), testClock(), pictures);
        await service.forget(ann.id);
        await service.forget(ann.id);
        expect([await rows(ann.login, "/message/get"), await rows(ben.login, "/message/get/sent"), kept().length]).toEqual([
          [],
          [],
          before,
        ]);
      });

      it("keeps nothing of what is no image", async () => {
        const [ann, ben] = [await server.add("ann"), await server.add("ben")];
        const before = kept().length;
        for (const bytes of ["<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", "text", "GIF89a"])
          expect((await post(ann.login, "/message/add", { id: ben.id, icon: Buffer.from(bytes).toString("base64") })).status).toBe(400);
        expect((await post(ann.login, "/message/add", { id: ben.id, msg: "x", icon: "%%%" })).status).toBe(400);
        expect([await rows(ben.login, "/message/get"), await rows(ann.login, "/message/get/sent"), kept().length]).toEqual([
          [],
          [],
          before,
        ]);
      });

      it("forgets an account: what it has, and what others have of it", async () => {
        const [ann, ben, eve] = [await server.add("ann"), await server.add("ben"), await server.add("eve")];
        for (const [from, to] of [
          [ann, ben],
          [ben, ann],
          [eve, ann],
          [eve, ben],
          [ann, eve],
        ] as const)
          await send(from.login, to.id, `to ${to.login}`);
        await post(eve.login, "/message/archive", { sender: ann.id });
        expect(await unread(ben.login)).toBe(2);
        const service = serviceOn(callsOf(server.test.server.db), testClock());
        await service.forget(ann.id);
        await service.forget(ann.id);
        for (const path of ["/message/get", "/message/get/archive", "/message/get/sent"]) expect(await rows(ann.login, path)).toEqual([]);
        expect(await texts(ben.login, "/message/get")).toEqual([`to ${ben.login}`]);
        expect(await rows(ben.login, "/message/get/sent")).toEqual([]);
        expect(await rows(eve.login, "/message/get/archive")).toEqual([]);
        expect(await texts(eve.login, "/message/get/sent")).toEqual([`to ${ben.login}`]);
      });
    },
    { home },
  );
});

const own = messageTables();
const tables = { ...own, ...counterTables({ msg0: {}, msg1: {} }) };
const directory = { find: (ids: readonly string[]) => Promise.resolve(new Map(ids.map((id) => [id, { id, name: id }]))) };
const serviceOn = (db: ModuleDb, clock: TestClock, pictures?: MessageImages): MessageService =>
  messageService({ db, cache, events: accountEvents({ bus, log: silentLog }), directory, clock, log: silentLog, own, tables, pictures });
const callerNamed = (id: string): Caller => ({ id, login: id, name: id, isAdmin: false, types: [] });
const [ann, ben] = [callerNamed("ann"), callerNamed("ben")];
const list = { _count: 50, _start: undefined, _ops: undefined, _sort: undefined, _desc: false, _select: undefined, _total: false };

describe.each([{ isAlone: true }, { isAlone: false }])("messages that are interrupted (one row at a time: $isAlone)", ({ isAlone }) => {
  /** Ends the work after each of its calls in turn, and looks what is there. */
  async function interrupted(
    work: (service: MessageService) => Promise<unknown>,
    isPrepared: boolean,
    check: (boxes: { inbox: unknown[]; archive: unknown[]; sent: unknown[] }, isDone: boolean) => void,
  ): Promise<void> {
    let isDone = false;
    for (let calls = 0; !isDone; calls++) {
      await using opened = await openDb({ url: "memory:", tables });
      const { db, breakAfter } = breaking(callsOf(opened), isAlone);
      const clock = testClock();
      const service = serviceOn(db, clock);
      if (isPrepared) await service.add(ann, ["ben"], { msg: "hello" });
      breakAfter(calls);
      isDone = await work(service).then(
        () => true,
        () => false,
      );
      breakAfter(Infinity);
      clock.advance(61_000);
      const textsOf = ({ rows }: { rows: readonly Row[] }): unknown[] => rows.map(({ msg }) => msg);
      const read = async (): Promise<{ inbox: unknown[]; archive: unknown[]; sent: unknown[] }> => ({
        inbox: textsOf(await service.list(ben, "inbox", {}, list)),
        archive: textsOf(await service.list(ben, "archive", {}, list)),
        sent: textsOf(await service.sent(ann, {}, list)),
      });
      const boxes = await read();
      check(boxes, isDone);
      expect(await read()).toEqual(boxes);
      expect({ sent: await service.countSent(ann, {}), inbox: await service.count(ben, "inbox", {}) }).toEqual({
        sent: boxes.sent.length,
        inbox: boxes.inbox.length,
      });
    }
  }

  it("are delivered with a copy, or not at all", () =>
    interrupted(
      (service) => service.add(ann, ["ben"], { msg: "hello" }),
      false,
      ({ inbox, sent }, isDone) => {
        expect(sent).toEqual(inbox);
        if (isDone) expect(inbox).toEqual(["hello"]);
      },
    ));

  it("are in the inbox or in the archive, never in both or none", () =>
    interrupted(
      async (service) => service.archive(ben, { sender: "ann" }),
      true,
      ({ inbox, archive }, isDone) => {
        expect([...inbox, ...archive]).toEqual(["hello"]);
        if (isDone) expect(archive).toEqual(["hello"]);
      },
    ));

  it("keep apart what came in the same millisecond, in the archive too", async () => {
    await using opened = await openDb({ url: "memory:", tables });
    const { db } = breaking(callsOf(opened), isAlone);
    // Two processes, of which neither knows the last time that the other gave.
    const [one, other] = [serviceOn(db, testClock({ seed: 1 })), serviceOn(db, testClock({ seed: 2 }))];
    await one.add(ann, ["ben"], { msg: "1" });
    await other.archive(ben, { sender: "ann" });
    await other.add(callerNamed("eve"), ["ben"], { msg: "2" });
    await other.add(ann, ["ben"], { msg: "3" });
    await one.archive(ben, { sender: "ann" });
    await one.archive(ben, { sender: "eve" });
    const { rows } = await one.list(ben, "archive", {}, list);
    expect(rows.map(({ msg }) => msg).sort()).toEqual(["1", "2", "3"]);
    expect(new Set(rows.map(({ mtime }) => mtime)).size).toBe(3);
    expect(await one.count(ben, "inbox", {})).toBe(0);
  });
});
