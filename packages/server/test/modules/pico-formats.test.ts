// The other formats of requests to pico: parts between delimiters, and forms with files.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

import { accounts, counters, files, pico } from "@bk/modules";
import { type ActionContext, orderKey } from "@bk/modules/pico";
import { BkError } from "@bk/core";
import { afterAll, describe, expect, it } from "vitest";

import { temporaryFolder } from "../run-cli.js";
import { type CallOptions, errorOf, type Reply, startServer, type TestServer } from "../start-server.js";
import { onEngines } from "./on-engines.js";

type Json = Record<string, unknown>;
const between = JSON.stringify(["crlf"]);
const framedType = "application/x-pico";
const folder = temporaryFolder();
afterAll(() => folder[Symbol.dispose]());

interface Described {
  readonly filename: string;
  readonly contentType: string;
  readonly name: string;
}
let lastFile = "";
const actions = {
  echo: (data: unknown) => data,
  fail: () => {
    throw new BkError("invalid", "no");
  },
  scan(data: unknown, { call }: ActionContext) {
    const { page, note } = data as { readonly page: Described; readonly note?: unknown };
    lastFile = page.filename;
    const text = readFileSync(page.filename, "latin1");
    return { text, note, type: page.contentType, name: page.name, field: [...call.files.keys()] };
  },
  keep(data: unknown) {
    const { page } = data as { readonly page: Described };
    renameSync(page.filename, join(folder.path, "kept"));
    return {};
  },
  lose: (data: unknown) => {
    lastFile = (data as { readonly page: Described }).page.filename;
    throw new BkError("invalid", "no");
  },
};
const uploads = ["scan", "keep", "lose", "/file/put", "/counter/put"];
const module = (more: Parameters<typeof pico>[0] = {}) =>
  pico({ actions, refusalMs: 0, delimiter: ["crlf"], uploads, maxUploadBytes: 5_000, ...more });

const sent = (type: string, body: string): CallOptions => ({ method: "POST", body, contentType: type, headers: { "content-type": type } });
const framed = (...parts: readonly (string | object)[]): CallOptions =>
  sent(framedType, parts.map((part) => `${typeof part === "string" ? part : JSON.stringify(part)}${between}`).join(""));
type Part = readonly [name: string, value: string, file?: string];
const form = (...parts: readonly Part[]): CallOptions => {
  const part = ([name, value, file]: Part): string => {
    const ofFile = file === undefined ? "" : `; filename="${file}"\r\nContent-Type: text/plain`;
    return `--edge\r\nContent-Disposition: form-data; name="${name}"${ofFile}\r\n\r\n${value}\r\n`;
  };
  return sent("multipart/form-data; boundary=edge", `${parts.map(part).join("")}--edge--\r\n`);
};

/** What is replied to a framed request: the channel, and each packet with its parts. */
function unframed({ status, text }: Reply): {
  readonly channel: string;
  readonly packets: readonly (Json & { readonly parts: readonly string[] })[];
} {
  expect(status).toBe(200);
  const [channel = "", ...parts] = text.split(between);
  expect(parts.pop()).toBe("");
  const packets = [];
  while (parts.length > 0) {
    const head = JSON.parse(parts.shift()!) as Json;
    packets.push({ ...head, parts: parts.splice(0, head["len"] as number) });
  }
  return { channel, packets };
}
const json = (call: CallOptions): CallOptions => ({ ...call, headers: { ...call.headers, accept: "application/json" } });
const packetsOf = ({ status, text }: Reply): Json[] => {
  expect(status).toBe(200);
  return JSON.parse(text) as Json[];
};

describe("other formats of pico", () => {
  onEngines(
    () => [accounts(), counters(), files(), module()],
    (server) => {
      const pull = async (login: string, call: CallOptions, path = "/pull"): Promise<Reply> => server.test.call(login, path, call);

      it("runs framed orders as those in JSON, and frames what they give", async () => {
        const ann = await server.add("ann");
        const orders = framed(
          "",
          { api: "/counter/incr", len: 1 },
          { ping: 2 },
          { api: "/counter/get", reqId: 1 },
          { api: "echo", reqId: 2, len: 3 },
          { ping: "$1.data.ping", doc: { json: 1 }, list: [{ blob: 2 }] },
          '{"raw": [1,  2]}',
          "a text\n",
          { api: "fail", reqId: 3, len: 0 },
          { api: "echo", reqId: 4 },
        );
        const { channel, packets } = unframed(await pull(ann.login, orders));
        expect([channel, packets.length]).toEqual(["", 4]);
        expect(packets[0]).toMatchObject({ api: "/counter/get", reqId: 1, resId: 0, status: 200, len: 1 });
        expect(JSON.parse(packets[0]!.parts[0]!)).toMatchObject({ id: ann.id, ping: 2 });
        expect(packets[1]!.parts).toEqual([`{"ping":2,"doc":{"json":1},"list":[{"blob":2}]}`, '{"raw": [1,  2]}', "a text\n"]);
        expect(packets.slice(2)).toMatchObject([
          { reqId: 3, status: 400, len: 0, error: { code: "invalid" } },
          { reqId: 4, status: 424, len: 0 },
        ]);
        expect(packetsOf(await pull(ann.login, json(framed("", { api: "echo", reqId: 1, len: 1 }, "5"))))).toMatchObject([{ data: 5 }]);
        const going = unframed(await pull(ann.login, orders, "/pull?onError=continue"));
        expect(going.packets.map(({ status }) => status)).toEqual([200, 200, 400, 200]);
      });

      it("does all of them or nothing, and keeps packets of a channel", async () => {
        const ann = await server.add("ann");
        const orders = framed("", { api: "/counter/put", reqId: 1, len: 1 }, { ping: 5 }, { api: "fail", reqId: 2 });
        const isInteractive = server.test.server.db.capabilities().transactions === "interactive";
        const { packets } = unframed(await pull(ann.login, orders, "/pull?tx=1"));
        expect(packets.every(({ status }) => (status as number) >= 400)).toBe(true);
        if (isInteractive) expect(packets.map(({ status }) => status)).toEqual([424, 400]);
        expect((await server.test.call(ann.login, "/counter/get")).body["ping"] ?? 0).toBe(0);
        const opened = unframed(await pull(ann.login, framed(""), "/channel"));
        const renewed = unframed(await pull(ann.login, framed(opened.channel, { api: "echo", reqId: 1, len: 2 }, { blob: 1 }, "kept")));
        expect(renewed.channel.split(" ")[0]).toBe(opened.channel.split(" ")[0]);
        expect(renewed.packets).toMatchObject([{ resId: 1, parts: ['{"blob":1}', "kept"] }]);
        const again = unframed(await pull(ann.login, framed(renewed.channel)));
        expect(again.packets).toMatchObject([{ resId: 1, parts: ['{"blob":1}', "kept"] }]);
        const acked = unframed(await pull(ann.login, framed(again.channel, { api: "ack", len: 1 }, { resId: 1 })));
        expect(acked.packets).toEqual([]);
        const wrong = unframed(await pull(ann.login, framed("none x", { api: "echo", reqId: 1 })));
        expect(wrong).toMatchObject({ channel: "", packets: [{ status: 403, error: { code: "denied" } }] });
      });

      it("gives an action the files of a form, on the disk while it runs", async () => {
        const ann = await server.add("ann");
        const one = form(
          ["api", "scan"],
          ["reqId", "7"],
          ["data/note/pages", "12"],
          ["data/note/zip", "00123"],
          ["data/page", "\u00ffbytes", "../../a.txt"],
        );
        expect(packetsOf(await pull(ann.login, json(one)))).toEqual([
          {
            api: "scan",
            reqId: 7,
            resId: 0,
            status: 200,
            data: {
              text: Buffer.from("\u00ffbytes").toString("latin1"),
              note: { pages: 12, zip: "00123" },
              type: "text/plain",
              name: "a.txt",
              field: ["data/page"],
            },
          },
        ]);
        expect([lastFile.includes("a.txt"), existsSync(lastFile)]).toEqual([false, false]);
        lastFile = "";
        expect(packetsOf(await pull(ann.login, json(form(["api", "lose"], ["data/page", "x", "x"]))))).toMatchObject([{ status: 400 }]);
        expect([lastFile === "", existsSync(lastFile)]).toEqual([false, false]);
        await pull(ann.login, form(["api", "keep"], ["data/page", "moved away", "x"]));
        expect(readFileSync(join(folder.path, "kept"), "utf8")).toBe("moved away");
        rmSync(join(folder.path, "kept"));
      });

      it("gives an endpoint a form as its own, for whoever calls", async () => {
        const ann = await server.add("ann");
        const put = form(
          ["api", "/file/put"],
          ["reqId", "1"],
          ["data/prefix", "p"],
          ["data/name", "5"],
          ["data/data", "the bytes", "x.exe"],
        );
        expect(packetsOf(await pull(ann.login, json(put)))).toMatchObject([{ status: 200 }]);
        expect((await server.test.call(ann.login, "/file/get?prefix=p&name=5")).text).toBe("the bytes");
        expect(packetsOf(await server.test.call("", "/pull", { ...json(put), signed: false }))).toMatchObject([{ status: 403 }]);
        const counter = (field: Part): Promise<Reply> =>
          pull(ann.login, json(form(["api", "/counter/put"], ["reqId", "1"], field)), "/pull?onError=stop");
        expect(packetsOf(await counter(["data/ping", "4"]))).toMatchObject([{ status: 200 }]);
        expect((await server.test.call(ann.login, "/counter/get")).body).toMatchObject({ ping: 4 });
        expect(packetsOf(await counter(["data/ping", "x"]))).toMatchObject([
          { status: 400, error: { message: expect.stringContaining("ping") } },
        ]);
        expect(packetsOf(await counter(["data/ping", "4", "file"]))).toMatchObject([{ status: 400 }]);
      });
    },
    { home: folder.path },
  );

  it("takes forms of the apis that are listed alone, and no larger ones than is said", async () => {
    await using test = await startServer({ tables: {}, modules: [module()], home: folder.path });
    lastFile = "none";
    for (const api of ["echo", "nothing", "/file/put/x", "ack"]) {
      const reply = await test.call("bob", "/pull", json(form(["api", api], ["reqId", "1"], ["data/page", "x", "x"])));
      expect(packetsOf(reply)).toMatchObject([{ api, reqId: 1, status: 403, error: { code: "denied" } }]);
    }
    expect(lastFile).toBe("none");
    const large = form(["api", "scan"], ["data/page", "x".repeat(5_000), "x"]);
    expect((await test.call("bob", "/pull", large)).status).toBe(413);
    for (const maxUploadBytes of [0, NaN, 1e12])
      expect(() => module({ maxUploadBytes })).toThrow("pico: maxUploadBytes must be an integer");
    // The limit of forms is none of the others.
    const list = { json: [{ api: "echo", reqId: 1, data: "x".repeat(10_000) }], headers: { "content-type": "application/json" } };
    expect((await test.call("bob", "/pull", list)).status).toBe(200);
  });

  it("says what is wrong with a body", async () => {
    await using test = await startServer({ tables: {}, modules: [module()], limits: { maxJsonDepth: 8 } });
    const order = { api: "echo", reqId: 1 };
    const deep = JSON.stringify(Array.from({ length: 9 }).reduce<unknown>((inner) => [inner], 1));
    const head = (more: object): CallOptions => framed("", { ...order, ...more }, "{}");
    const wrong: readonly (readonly [call: CallOptions, says: RegExp, field?: string])[] = [
      [sent(framedType, "no delimiter"), /does not end with the delimiter/, "body"],
      [sent(framedType, `${between}{"api":"echo"}`), /does not end with the delimiter/, "body"],
      [sent(framedType, "[]"), /does not end/, "body"],
      [framed("x".repeat(201)), /channel/, "channel"],
      [framed("", "{"), /the head of order 0 is not valid JSON/, "orders"],
      [framed("", "[]"), /order 0 must be an object/, "orders"],
      [framed("", order, "5"), /order 1 must be an object/, "orders"],
      [framed("", { api: 5 }), /api must be a text/, "api"],
      [head({ len: 2 }), /order 0: there are fewer parts than len says/, "len"],
      [head({ len: 1e15 }), /fewer parts/, "len"],
      [head({ len: -1 }), /len must be the number/, "len"],
      [head({ len: "1" }), /len must be the number/, "len"],
      [head({ len: 1, data: 1 }), /data stands in the parts/, "data"],
      [framed("", { ...order, len: 1 }, "no"), /data of order 0 is not valid JSON/, "data"],
      [framed("", { ...order, len: 1 }, deep), /nested too deeply/, "data"],
      [framed("", { ...order, len: 1 }, '{"__proto__":1}'), /__proto__/, "data"],
      [framed("", { ...order, len: 1 }, { blob: 1 }), /a part that is not there/, "data"],
      [framed("", { ...order, len: 2 }, { blob: 0 }, "x"), /a part that is not there/, "data"],
      [framed("", { ...order, len: 2 }, [{ blob: 1 }, { json: 1 }], "x"), /stands elsewhere/, "data"],
      [framed("", { ...order, len: 2 }, {}, "x"), /a part that data does not have/, "data"],
      [framed("", ...Array.from({ length: 33 }, () => order)), /more than 32 orders/, "orders"],
      [form(), /api is required/, "api"],
      [form(["reqId", "1"]), /api is required/, "api"],
      [form(["api", "scan"], ["other", "1"]), /other is no field of an order/, "other"],
      [form(["api", "scan"], ["page", "1", "x"]), /the file page is not in data/, "page"],
      [form(["api", "scan"], ["date", "soon"]), /date/, "date"],
      [form(["api", "scan"], ["data/", "1"]), /no name in data/, "data/"],
      [form(["api", "scan"], ["data/a//b", "1"]), /no name in data/, "data/a//b"],
      [form(["api", "scan"], ["data/__proto__/b", "1"]), /no name in data/, "data/__proto__/b"],
      [form(["api", "scan"], [`data${"/a".repeat(11)}`, "1"]), /no name in data/],
      [form(["api", "scan"], ["data/a", "1"], ["data/a/b", "1"]), /value of its own/, "data/a/b"],
      [form(["api", "scan"], ["data/a/b", "1"], ["data/a", "1", "x"]), /a value and has fields/, "data/a"],
      [form(["api", "scan"], ["data/a", "1", "x"], ["data/a/b", "1", "x"]), /value of its own/, "data/a/b"],
      [form(["api", "scan"], ["data/a", "1"], ["data/a", "2"]), /two of one name/, "data/a"],
      [sent("multipart/form-data", "--edge--"), /no multipart form/],
      [sent("multipart/form-data; boundary=edge", "--edge\r\nContent"), /form/],
      [{ json: [{ api: "echo", data: deep }] }, /data of order 0 is nested too deeply/, "data"],
      [{ json: [{ api: "echo", data: '{"__proto__":1}' }] }, /__proto__/, "data"],
    ];
    for (const [call, says, field] of wrong) {
      const headers = { "content-type": "application/json", ...call.headers };
      const reply = await test.call("bob", "/pull", { ...call, headers });
      expect({ call, status: reply.status, ...errorOf(reply), field: reply.body["field"] }).toMatchObject({
        status: 400,
        message: expect.stringMatching(says),
        ...(field === undefined ? {} : { field }),
      });
    }
    expect((await test.call("bob", "/pull?tx=1", { json: { orders: [], tx: true } })).body).toMatchObject({ status: 400, field: "tx" });
    const bytes = { ...sent(framedType, ""), body: new Uint8Array([0xff]) };
    expect((await test.call("bob", "/pull", bytes)).body).toMatchObject({ status: 400, message: "the body is not UTF-8" });
  });

  it("serves no type that it was not set up for", async () => {
    await using test = await startServer({ tables: {}, modules: [pico({ actions, refusalMs: 0 })] });
    const types = [
      framedType,
      "multipart/form-data; boundary=edge",
      "text/plain",
      "application/octet-stream",
      "application/x-www-form-urlencoded",
    ];
    for (const type of types)
      for (const path of ["/pull", "/channel"])
        expect([type, (await test.call("bob", path, sent(type, between))).status]).toEqual([type, 415]);
    await using both = await startServer({ tables: {}, modules: [module()] });
    for (const type of types.slice(2)) expect([type, (await both.call("bob", "/pull", sent(type, between))).status]).toEqual([type, 415]);
    const taken = (on: TestServer) => on.call("bob", "/openapi.json");
    const contentOf = ({ body }: Reply): string[] => {
      const { paths } = body as {
        readonly paths: Record<string, { readonly post: { readonly requestBody: { readonly content: object } } }>;
      };
      return Object.keys(paths["/pull"]!.post.requestBody.content);
    };
    expect(contentOf(await taken(test))).toEqual(["application/json"]);
    expect(contentOf(await taken(both))).toEqual(["application/json", framedType, "multipart/form-data"]);
  });

  it("takes framed orders and forms with keys alone, once, over all that they hold", async () => {
    const secretKey = "a key that both have";
    await using test = await startServer({ tables: {}, modules: [module({ secretKey })], home: folder.path });
    const statusOf = async (call: CallOptions): Promise<unknown> =>
      packetsOf(await test.call("", "/pull", { ...json(call), signed: false }))[0]?.["status"];
    const proved = (...parts: readonly string[]): Json => {
      const plain = { api: "echo", reqId: 1, date: Date.now() };
      return { ...plain, len: parts.length, key: orderKey(secretKey, { ...plain, text: parts.join(between) }) };
    };
    const parts = ['{"blob":1}', "as it is"];
    const head = proved(...parts);
    expect(await statusOf(framed("", head, parts[0]!, "another"))).toBe(401);
    expect(await statusOf(framed("", { ...head, api: "fail" }, ...parts))).toBe(401);
    expect(await statusOf(framed("", head, ...parts))).toBe(200);
    expect(await statusOf(framed("", head, ...parts))).toBe(401);
    expect(await statusOf(framed("", proved()))).toBe(200);
    expect(await statusOf(framed("", { ...proved(), key: undefined }))).toBe(401);
    const date = Date.now();
    const fields = [["note", "1"]] as const;
    const text = JSON.stringify([...fields, ["page", createHash("sha256").update("x").digest("hex")]]);
    const key = orderKey(secretKey, { api: "scan", reqId: 1, date, text });
    const upload = (content: string): CallOptions =>
      form(["api", "scan"], ["reqId", "1"], ["date", `${date}`], ["key", key], ["data/note", "1"], ["data/page", content, "x"]);
    expect([await statusOf(upload("y")), await statusOf(upload("x")), await statusOf(upload("x"))]).toEqual([401, 200, 401]);
  });
});
