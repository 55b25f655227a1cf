import { mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { signUrl } from "@bk/auth";
import { files } from "@bk/modules";
import { s3Storage } from "@bk/modules/storage";
import { describe, expect, it } from "vitest";

import { startS3 } from "../../../modules/test/start-s3.js";
import { origin, type Reply, startServer, type TestServer } from "../start-server.js";
import { onEngines } from "./on-engines.js";

const home = mkdtempSync(join(tmpdir(), "bk-files-"));
type Rows = readonly Readonly<Record<string, unknown>>[];

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const rowsOf = ({ body }: Reply): Rows => body["data"] as Rows;

async function read(
  test: TestServer,
  login: string | undefined,
  path: string,
  headers: Record<string, string> = {},
  method = "GET",
): Promise<{ status: number; text: string; headers: Headers }> {
  const url = login === undefined ? origin + path : await signUrl({ method, url: origin + path, login, secret: `secret of ${login}` });
  const response = await test.server.app.fetch(new Request(url, { headers, method }));
  return { status: response.status, text: await response.text(), headers: response.headers };
}

const kept = (): string[] =>
  readdirSync(home, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);

describe("the module files", () => {
  onEngines(
    () => [files({ maxFiles: 6, maxFileBytes: 100_000 })],
    (server) => {
      const put = (login: string, name: string, text: string, more: object = {}): Promise<Reply> =>
        server.test.call(login, "/file/put", { json: { prefix: "docs", name, data: base64(text), ...more } });

      it("keeps files, gives them to whom their owner says, and tells what there is of them", async () => {
        const [ann, ben] = [await server.add("ann"), await server.add("ben")];
        const reply = await put(ann.login, "a.txt", "hello");
        expect(reply.body).toMatchObject({ id: ann.id, path: "docs/a.txt", prefix: "docs", name: "a.txt", size: 5, type: "text/plain" });
        expect(reply.body).not.toHaveProperty("object");
        const path = `/file/get?prefix=docs&name=a.txt&id=${ann.id}`;
        const statuses = async (): Promise<number[]> => {
          const found: number[] = [];
          for (const login of [ann.login, ben.login, undefined, "root"]) found.push((await read(server.test, login, path)).status);
          return found;
        };
        const seenByBen = async (): Promise<number> => rowsOf(await server.test.call(ben.login, `/file/select?id=${ann.id}`)).length;
        for (const [acl, expected, seen] of [
          ["", [200, 404, 404, 200], 0],
          ["auth", [200, 200, 404, 200], 1],
          ["all", [200, 200, 200, 200], 1],
          [ben.id, [200, 200, 404, 200], 1],
        ] as const) {
          expect((await put(ann.login, "a.txt", "hello", { acl_allow: acl })).status).toBe(200);
          expect([acl, await statuses(), await seenByBen()]).toEqual([acl, expected, seen]);
        }
        const { text, headers } = await read(server.test, ann.login, path);
        expect(text).toBe("hello");
        expect(headers.get("content-type")).toBe("text/plain; charset=utf-8");
        expect(headers.get("content-disposition")).toBe('inline; filename="a.txt"');
        expect(headers.get("x-content-type-options")).toBe("nosniff");
        expect(headers.get("content-security-policy")).toContain("sandbox");
        const head = await read(server.test, ann.login, path, {}, "HEAD");
        expect([head.status, head.text, head.headers.get("content-length")]).toEqual([200, "", "5"]);
        expect((await read(server.test, ann.login, path, { "if-none-match": headers.get("etag")! })).status).toBe(304);
        expect(rowsOf(await server.test.call(ben.login, `/file/select?id=${ann.id}`))[0]).not.toHaveProperty("acl_allow");
        for (const command of ["put", "add", "del", "select"])
          expect((await server.test.call("", `/file/${command}?prefix=docs&name=a.txt&text=x`, { signed: false })).status).toBe(401);
      });

      it("takes no type for what a file is not, and lets nothing in a file run", async () => {
        const ann = await server.add("ann");
        for (const [name, text, type, kind] of [
          ["x.html", "<script>alert(1)</script>", "application/octet-stream", "attachment"],
          ["x.svg", "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "application/octet-stream", "attachment"],
          ["x.txt", "a\0b", "application/octet-stream", "attachment"],
          ["x.png", "no png", "application/octet-stream", "attachment"],
          ["y.txt", "%PDF-1.4 not text", "application/pdf", "attachment"],
        ] as const) {
          expect((await put(ann.login, name, text)).body).toMatchObject({ type });
          expect((await read(server.test, ann.login, `/file/get?prefix=docs&name=${name}`)).headers.get("content-disposition")).toBe(
            `${kind}; filename="${name}"`,
          );
        }
      });

      it("gives parts of a file as RFC 9110 says", async () => {
        const ann = await server.add("ann");
        await put(ann.login, "r.bin", "0123456789");
        await put(ann.login, "empty.txt", "");
        const part = async (range: string, more: Record<string, string> = {}): Promise<unknown[]> => {
          const { status, text, headers } = await read(server.test, ann.login, "/file/get?prefix=docs&name=r.bin", { range, ...more });
          return [status, text, headers.get("content-range")];
        };
        expect(await part("bytes=0-3")).toEqual([206, "0123", "bytes 0-3/10"]);
        expect(await part("bytes=7-")).toEqual([206, "789", "bytes 7-9/10"]);
        expect(await part("bytes=-2")).toEqual([206, "89", "bytes 8-9/10"]);
        expect(await part("bytes=-99")).toEqual([206, "0123456789", "bytes 0-9/10"]);
        expect(await part("bytes=9-99")).toEqual([206, "9", "bytes 9-9/10"]);
        expect(await part("bytes=10-")).toEqual([416, "", "bytes */10"]);
        expect(await part("bytes=-0")).toEqual([416, "", "bytes */10"]);
        for (const odd of ["bytes=5-2", "bytes=-", "bytes=a-b", "lines=1-2", "bytes=0-1,3-4", "bytes=99999999999999999999-"])
          expect(await part(odd)).toEqual([200, "0123456789", null]);
        const { headers } = await read(server.test, ann.login, "/file/get?prefix=docs&name=r.bin");
        expect(await part("bytes=0-3", { "if-range": headers.get("etag")! })).toEqual([206, "0123", "bytes 0-3/10"]);
        expect(await part("bytes=0-3", { "if-range": '"another"' })).toEqual([200, "0123456789", null]);
        expect(await read(server.test, ann.login, "/file/get?prefix=docs&name=empty.txt")).toMatchObject({ status: 200, text: "" });
        expect((await read(server.test, ann.login, "/file/get?prefix=docs&name=empty.txt", { range: "bytes=0-0" })).status).toBe(416);
      });

      it("refuses names that lead elsewhere, files of others, and more than is allowed", async () => {
        const [ann, ben] = [await server.add("ann"), await server.add("ben")];
        await put(ann.login, "own.txt", "own");
        const before = kept().length;
        for (const prefix of ["", "..", "../..", "/docs", "docs/", "a//b", "a/../b", "a/b/c/d/e", "a\\b", "é", "%2e%2e", "x".repeat(129)])
          for (const command of ["put", "get", "del"])
            expect([
              prefix,
              await server.test.call(
                ann.login,
                `/file/${command}?text=x&name=a&prefix=${encodeURIComponent(prefix)}`.replace(command === "put" ? "" : "text=x&", ""),
              ),
            ]).toMatchObject([prefix, { status: 400, body: { field: "prefix" } }]);
        for (const name of ["", ".", "..", "a/b", "../own.txt", "a b", "a\0", 'a"b', "x".repeat(129)])
          expect([name, await put(ann.login, name, "x")]).toMatchObject([name, { status: 400, body: { field: "name" } }]);
        expect(await put(ann.login, "x".repeat(128), "x", { prefix: `${"y".repeat(100)}/${"y".repeat(100)}` })).toMatchObject({
          status: 400,
          body: { field: "prefix" },
        });
        expect(await put(ben.login, "own.txt", "changed", { id: ann.id })).toMatchObject({ status: 403 });
        expect(await server.test.call(ben.login, `/file/del?prefix=docs&name=own.txt&id=${ann.id}`)).toMatchObject({ status: 403 });
        expect(await server.test.call(ben.login, "/file/del?prefix=docs&name=own.txt")).toMatchObject({ status: 404 });
        for (const column of ["object", "sha256", "size", "type", "path", "ctime"])
          expect(await put(ann.login, "z.txt", "x", { [column]: "x" })).toMatchObject({ status: 400, body: { field: column } });
        expect(await put(ann.login, "z.txt", "x".repeat(100_001))).toMatchObject({ status: 400, body: { field: "data" } });
        expect((await put(ann.login, "z.txt", "x".repeat(300_000))).status).toBe(413);
        expect(await put(ann.login, "z.txt", "x", { acl_allow: "all,../" })).toMatchObject({ status: 400, body: { field: "acl_allow" } });
        expect(kept().length).toBe(before);
        expect((await read(server.test, ann.login, "/file/get?prefix=docs&name=own.txt")).text).toBe("own");
        // Many at once, of which some are too many.
        await Promise.all(Array.from({ length: 8 }, (_, i) => put(ben.login, `n${i}`, "x")));
        const left = rowsOf(await server.test.call(ben.login, "/file/select")).length;
        expect(left).toBeLessThanOrEqual(6);
        expect(kept().length).toBe(before + left);
      });

      it("names files with a time or another ending, and takes text and forms", async () => {
        const ann = await server.add("ann");
        const { call } = server.test;
        const timed = await call(ann.login, "/file/add", { json: { prefix: "a/b", name: "log.txt", text: "é", _tm: true } });
        expect(timed.body["name"]).toMatch(/^log-\d{8}T\d{9}\.txt$/);
        expect(timed.body).toMatchObject({ size: 2 });
        expect(
          (await call(ann.login, "/file/put", { json: { prefix: "a/b", name: "log.txt", text: "00ff", _encoding: "hex", _ext: "bin" } }))
            .body,
        ).toMatchObject({ name: "log.bin", size: 2 });
        expect(await call(ann.login, "/file/put", { json: { prefix: "a", name: "x", text: "0", _encoding: "hex" } })).toMatchObject({
          status: 400,
          body: { field: "text" },
        });
        expect(await call(ann.login, "/file/put", { json: { prefix: "a", name: "x" } })).toMatchObject({
          status: 400,
          body: { field: "data" },
        });
        const form = new FormData();
        form.set("prefix", "a");
        form.set("name", "f.txt");
        form.set("data", new File(["from a form"], "../../evil.html", { type: "text/html" }));
        const request = new Request(origin, { method: "POST", body: form });
        const contentType = request.headers.get("content-type")!;
        const body = new Uint8Array(await request.arrayBuffer());
        expect(
          (await call(ann.login, "/file/put", { method: "POST", body, contentType, headers: { "content-type": contentType } })).body,
        ).toMatchObject({ path: "a/f.txt", size: 11, type: "text/plain" });
        expect((await read(server.test, ann.login, "/file/get?prefix=a&name=f.txt")).text).toBe("from a form");
        expect(rowsOf(await call(ann.login, "/file/select?prefix=a/b")).map(({ name }) => name)).toEqual(
          [timed.body["name"], "log.bin"].sort(),
        );
        const first = await call(ann.login, "/file/select?prefix=a&_count=2");
        const second = await call(
          ann.login,
          `/file/select?prefix=a&_count=2&_start=${encodeURIComponent(first.body["next_token"] as string)}`,
        );
        expect([rowsOf(first).length, rowsOf(second).length, second.body["next_token"]]).toEqual([2, 1, ""]);
      });

      it("gives old or new bytes, and never part of both, while a file is replaced", async () => {
        const ann = await server.add("ann");
        const before = kept().length;
        const texts = Array.from({ length: 6 }, (_, i) => String(i).repeat(20_000 + i));
        await put(ann.login, "big.txt", texts[0]!);
        const reads = Array.from({ length: 12 }, () => read(server.test, ann.login, "/file/get?prefix=docs&name=big.txt"));
        for (const reply of await Promise.all(texts.map((text) => put(ann.login, "big.txt", text)))) expect(reply.status).toBe(200);
        for (const { status, text } of await Promise.all(reads)) expect([status, texts.includes(text)]).toEqual([200, true]);
        expect(kept().length).toBe(before + 1);
        expect((await server.test.call(ann.login, "/file/del?prefix=docs&name=big.txt")).body).toEqual({});
        expect(kept().length).toBe(before);
        expect((await read(server.test, ann.login, "/file/get?prefix=docs&name=big.txt")).status).toBe(404);
      });
    },
    { home },
  );

  it("keeps files in a bucket, reads parts of them there, and takes the types that are allowed", async () => {
    await using s3 = await startS3();
    await using test = await startServer({
      modules: [files({ storage: s3Storage(s3.options), types: /image\/.+|text\/plain/ })],
      tables: {},
      home,
    });
    const put = (name: string, text: string): Promise<Reply> => test.call("bob", "/file/put", { json: { prefix: "p", name, text } });
    expect((await put("a.txt", "0123456789")).status).toBe(200);
    expect((await put("b.txt", "")).status).toBe(200);
    expect((await put("c.json", "{}")).status).toBe(403);
    expect((await read(test, "bob", "/file/get?prefix=p&name=a.txt")).text).toBe("0123456789");
    expect(await read(test, "bob", "/file/get?prefix=p&name=a.txt", { range: "bytes=2-4" })).toMatchObject({ status: 206, text: "234" });
    expect(await read(test, "bob", "/file/get?prefix=p&name=b.txt")).toMatchObject({ status: 200, text: "" });
    expect((await put("a.txt", "replaced")).status).toBe(200);
    expect((await read(test, "bob", "/file/get?prefix=p&name=a.txt")).text).toBe("replaced");
    expect((await test.call("bob", "/file/del?prefix=p&name=a.txt")).status).toBe(200);
    expect((await read(test, "bob", "/file/get?prefix=p&name=a.txt")).status).toBe(404);
  });

  it("refuses limits that are none", () => {
    for (const wrong of [{ maxFiles: 0 }, { maxFiles: 1.5 }, { maxFileBytes: 0 }, { maxFileBytes: 2 ** 40 }])
      expect(() => files(wrong)).toThrow(expect.objectContaining({ code: "invalid" }));
  });
});
