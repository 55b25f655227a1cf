// Which field of a request a file comes in: `data`, `text`, or the one that `_name` names.
import { files } from "@bk/modules";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { temporaryFolder } from "../run-cli.js";
import { origin, type Reply, startServer, type TestServer } from "../start-server.js";

describe("a file", () => {
  const folder = temporaryFolder();
  let on: TestServer;
  beforeAll(async () => {
    on = await startServer({ modules: [files()], home: folder.path });
  });
  afterAll(async () => {
    await on.server.close();
    folder[Symbol.dispose]();
  });

  const put = (json: object): Promise<Reply> => on.call("bob", "/file/put", { json: { prefix: "p", name: "f.txt", ...json } });
  const putForm = async (fields: Readonly<Record<string, string | File>>): Promise<Reply> => {
    const form = new FormData();
    for (const [name, value] of Object.entries({ prefix: "p", name: "f.txt", ...fields })) form.append(name, value);
    const request = new Request(origin, { method: "POST", body: form });
    const contentType = request.headers.get("content-type")!;
    const body = new Uint8Array(await request.arrayBuffer());
    return on.call("bob", "/file/put", { method: "POST", body, contentType, headers: { "content-type": contentType } });
  };
  const content = async (): Promise<string> => (await on.call("bob", "/file/get?prefix=p&name=f.txt")).text;
  const data = (text: string): string => Buffer.from(text).toString("base64");

  it.each(["photo", "my photo", "файл", "constructor", "../../etc/passwd", "a[b]", "x".repeat(100), "data"])(
    "comes in the field that _name names: %j",
    async (_name) => {
      const reply = await put({ _name, [_name]: data("as JSON") });
      expect(reply).toMatchObject({ status: 200, body: { path: "p/f.txt" } });
      expect(await content()).toBe("as JSON");
      // What a client calls its file is no name of ours.
      expect(await putForm({ _name, [_name]: new File([`form ${_name}`], "../evil.txt") })).toMatchObject({
        status: 200,
      });
      expect(await content()).toBe(`form ${_name}`);
    },
  );

  it("comes as text where _name says so, and by the query too", async () => {
    expect((await put({ _name: "text", text: "plain" })).status).toBe(200);
    expect(await content()).toBe("plain");
    const query = new URLSearchParams({ prefix: "p", name: "f.txt", _name: "q", q: data("from the query") });
    expect((await on.call("bob", `/file/put?${query.toString()}`, { method: "POST", body: null })).status).toBe(200);
    expect(await content()).toBe("from the query");
  });

  it.each<[object, string]>([
    [{ _name: "photo" }, "_name"],
    [{ _name: "photo", data: data("x") }, "_name"],
    [{ _name: "text", data: data("x") }, "_name"],
    [{ _name: "photo", data: data("x"), photo: data("y") }, "_name"],
    [{ _name: "prefix" }, "_name"],
    [{ _name: "photo", photo: data("x"), other: "y" }, "other"],
    [{ photo: data("x") }, "photo"],
    [{ _name: "photo", photo: "no base64!" }, "data"],
    [{ _name: "" }, "_name"],
    [{ _name: "x".repeat(101) }, "_name"],
    [{ _name: "a\u0000b" }, "_name"],
    [{ _name: "a\nb" }, "_name"],
    [{ _name: ["a"] }, "_name"],
    [{ _name: "photo", name: "../f.txt", photo: data("x") }, "name"],
    [{ _name: "photo", name: "ф.txt", photo: data("x") }, "name"],
    [{ _name: "photo", name: "f\u202etxt", photo: data("x") }, "name"],
    [{ _name: "photo", name: "x".repeat(129), photo: data("x") }, "name"],
    [{ _name: "photo", name: "..", photo: data("x") }, "name"],
    [{ _name: "photo", name: "f", _ext: "../x", photo: data("x") }, "_ext"],
  ])("is refused with the field at fault: %j", async (json, field) => {
    const { status, body } = await put(json);
    expect([status, body["field"]]).toEqual([400, field]);
  });
});
