import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { silentLog, systemClock } from "@bk/core";
import { callsOf, type ModuleDb, pages } from "@bk/modules";
import { pageService } from "@bk/modules/pages";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { onEngines } from "./on-engines.js";
import { origin, replyOf, type Reply } from "../start-server.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bk-pages-"));
  await mkdir(join(folder, "web", "more"), { recursive: true });
  await writeFile(join(folder, "outside.md"), "# Outside");
  await writeFile(join(folder, "web", "notes.txt"), "text");
  await writeFile(join(folder, "web", "hello.md"), "# Hello\n\n<script>alert(1)</script>");
  await writeFile(join(folder, "web", "more", "deep.md"), "# Deep");
  await mkdir(join(folder, "web", "folder.md"));
  await symlink(join(folder, "outside.md"), join(folder, "web", "link.md"));
  await symlink(join(folder, "web", "notes.txt"), join(folder, "web", "type.md"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const rowsOf = ({ body }: Reply): Record<string, unknown>[] => body["data"] as Record<string, unknown>[];

describe("the module pages", () => {
  onEngines(
    () => [
      pages({
        main: { title: "Wiki", content: "Be welcome" },
        folder: join(folder, "web"),
        filesFor: "anybody",
        keepVersions: 5,
        writesPerMinute: 1000,
      }),
    ],
    (server) => {
      const nobody = async (path: string): Promise<Reply> =>
        replyOf(await server.test.server.app.fetch(new Request(origin + path, { headers: { host: "bk.test" } })));
      const put = async (login: string, json: object, id?: string): Promise<Reply> =>
        server.test.call(login, `/pages/put${id === undefined ? "" : `/${id}`}`, { json });
      const calls = (): ModuleDb => callsOf(server.test.server.db);
      /** The service beside the server, on a database that can be made to fail. */
      const serviceOn = (db: ModuleDb): ReturnType<typeof pageService> =>
        pageService({
          db,
          cache: { limit: () => Promise.resolve({ allowed: true, delayMs: 0 }) },
          clock: systemClock,
          log: silentLog,
        });
      const callerOf = ({ login, id }: { login: string; id: string }, ...types: string[]) => ({
        id,
        login,
        name: undefined,
        isAdmin: types.includes("admin"),
        types,
      });

      it("writes pages, gives them as Markdown and as HTML, and shows the main one before anybody wrote it", async () => {
        const ann = await server.add("ann");
        expect((await nobody("/pages/get")).body).toMatchObject({ id: "1", title: "Wiki", content: "Be welcome", version: 0 });
        const made = await put(ann.login, {
          title: "Rome",
          subtitle: "*City*",
          content: "# Rome\n\n## Food\n\nGood",
          toc: true,
          icon: "fa fa-map",
        });
        expect(made.body).toMatchObject({ title: "Rome", userid: ann.id, version: 1, toc: true, pub: null });
        const id = String(made.body["id"]);
        expect((await server.test.call(ann.login, `/pages/get/${id}`)).body).toEqual(made.body);
        expect((await server.test.call(ann.login, `/pages/get?id=${id}`)).body).toEqual(made.body);
        const { body } = await server.test.call(ann.login, `/pages/get/${id}?_render=1`);
        expect(body).toMatchObject({
          subtitle: "<em>City</em>",
          content: '<h1 id="section-rome">Rome</h1>\n<h2 id="section-food">Food</h2>\n<p>Good</p>\n',
          toc: '<ul><li><a href="#section-rome">Rome</a><ul><li><a href="#section-food">Food</a></li></ul></li></ul>',
        });
        const changed = await put(ann.login, { subtitle: "Town" }, id);
        expect(changed.body).toMatchObject({ title: "Rome", subtitle: "Town", version: 2, toc: true });
        expect(changed.body).not.toHaveProperty("book");
        expect((await put(ann.login, { content: "text\n\n# Of *the* `heading`" })).body).toMatchObject({ title: "Of the heading" });
      });

      it("shows nobody more than public pages, and does not tell whether there are others", async () => {
        const ann = await server.add("ann");
        const hidden = String((await put(ann.login, { title: "Hidden", content: "x" })).body["id"]);
        const open = String((await put(ann.login, { title: "Open", content: "x", pub: true })).body["id"]);
        for (const path of ["get", "show"]) {
          const [refused, unknown] = [await nobody(`/pages/${path}/${hidden}`), await nobody(`/pages/${path}/none`)];
          expect(refused.status).toBe(404);
          expect(refused.text).toBe(unknown.text);
          expect((await nobody(`/pages/${path}/${open}`)).status).toBe(200);
        }
        const seen = await nobody(`/pages/select?userid=${ann.id}`);
        expect(rowsOf(seen).map(({ id }) => id)).toEqual([open]);
        expect(rowsOf(await nobody(`/pages/select?userid=${ann.id}&pub=false`))).toEqual([]);
        const own = await server.test.call(ann.login, `/pages/select?userid=${ann.id}`);
        expect(
          rowsOf(own)
            .map(({ id }) => id)
            .sort(),
        ).toEqual([hidden, open].sort());
        for (const row of rowsOf(own)) expect(row).not.toHaveProperty("content");
        for (const path of [`history/${open}`, `put/${open}`, `del/${open}`, `revert/${open}?version=1`])
          expect((await nobody(`/pages/${path}`)).status).toBe(401);
        expect((await server.test.call(ann.login, "/pages/select?book=pages")).status).toBe(400);
      });

      it("lists pages by the time of their last version, in pages", async () => {
        const ann = await server.add("ann");
        const ids: string[] = [];
        for (const title of ["a", "b", "c"]) ids.push(String((await put(ann.login, { title, content: "x", icon: ann.id })).body["id"]));
        const found: unknown[] = [];
        let start = "";
        do {
          const reply = await server.test.call(
            ann.login,
            `/pages/select?userid=${ann.id}&icon=${ann.id}&_count=2&_start=${encodeURIComponent(start)}`,
          );
          expect(reply.status).toBe(200);
          found.push(...rowsOf(reply));
          start = String(reply.body["next_token"]);
        } while (start !== "");
        expect(found.map((row) => (row as { id: string }).id).sort()).toEqual([...ids].sort());
        const times = found.map((row) => (row as { mtime: number }).mtime);
        expect(times).toEqual([...times].sort((a, b) => b - a));
      });

      it("lets the owner, editors and admins write, and nobody else", async () => {
        const [ann, ben, editor, root] = [
          await server.add("ann"),
          await server.add("ben"),
          await server.add("ed", "editor"),
          await server.add("boss", "admin"),
        ];
        const id = String((await put(ann.login, { title: "Rome", content: "x" })).body["id"]);
        expect((await put(ben.login, { title: "Mine" }, id)).status).toBe(403);
        expect((await server.test.call(ben.login, `/pages/del/${id}`, { method: "POST" })).status).toBe(403);
        expect((await server.test.call(ben.login, `/pages/revert/${id}?version=1`, { method: "POST" })).status).toBe(403);
        expect((await put(editor.login, { subtitle: "by ed" }, id)).body).toMatchObject({ userid: ann.id, version: 2 });
        expect((await put(root.login, { subtitle: "by boss" }, id)).body).toMatchObject({ userid: ann.id, version: 3 });
        expect((await put(ben.login, { title: "Main", content: "x" }, "1")).status).toBe(403);
        for (const json of [{ userid: ben.id }, { mtime: 1 }, { book: "x" }])
          expect((await put(ann.login, { title: "T", content: "x", ...json }, id)).status).toBe(400);
        expect((await server.test.call(ann.login, `/pages/get/${id}`)).body).toMatchObject({ title: "Rome", version: 3 });
        expect((await server.test.call(ann.login, `/pages/del/${id}`, { method: "POST" })).body).toEqual({});
        expect((await server.test.call(ann.login, `/pages/get/${id}`)).status).toBe(404);
        expect((await server.test.call(ann.login, `/pages/history/${id}`)).status).toBe(404);
        expect((await server.test.call(ann.login, `/pages/del/${id}`, { method: "POST" })).status).toBe(404);
        const { rows } = await calls().select("bk_page_version", { id });
        expect(rows.map(({ content, deleted, purge }) => [content, deleted, purge])).toEqual([[null, true, null]]);
        expect((await put(ben.login, { title: "Again", content: "x" }, id)).body).toMatchObject({ userid: ben.id });
        expect(rowsOf(await server.test.call(ben.login, `/pages/history/${id}`))).toHaveLength(1);
      });

      it("keeps the last versions, gives each, and writes one again without changing who may read", async () => {
        const ann = await server.add("ann");
        const id = String((await put(ann.login, { title: "v1", content: "one", pub: true })).body["id"]);
        for (let version = 2; version <= 6; version++) await put(ann.login, { title: `v${version}`, pub: false, version: version - 1 }, id);
        const { call } = server.test;
        expect(await put(ann.login, { title: "late", version: 3 }, id)).toMatchObject({ status: 409, body: { field: "version" } });
        const history = await call(ann.login, `/pages/history/${id}?_count=2`);
        expect(rowsOf(history).map(({ version, title, author }) => [version, title, author])).toEqual([
          [6, "v6", ann.id],
          [5, "v5", ann.id],
        ]);
        expect(history.text).not.toContain("one");
        expect((await call(ann.login, `/pages/history/${id}?version=2`)).body).toMatchObject({ title: "v2", content: "one" });
        for (const version of [1, 7, 99]) expect((await call(ann.login, `/pages/history/${id}?version=${version}`)).status).toBe(404);
        await put(ann.login, { content: "two" }, id);
        const reverted = await call(ann.login, `/pages/revert/${id}`, { json: { version: 3 } });
        expect(reverted.body).toMatchObject({ title: "v3", content: "one", version: 8, pub: false });
        expect((await call(ann.login, `/pages/revert/${id}`, { json: {} })).body).toMatchObject({ field: "version" });
      });

      it("gives many writers at once one version each", async () => {
        const ann = await server.add("ann");
        const id = String((await put(ann.login, { title: "race", content: "0" })).body["id"]);
        const replies = await Promise.all([1, 2, 3, 4].map((n) => put(ann.login, { content: String(n) }, id)));
        expect(replies.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
        expect(replies.map(({ body }) => body["version"]).sort()).toEqual([2, 3, 4, 5]);
        const page = (await server.test.call(ann.login, `/pages/get/${id}`)).body;
        expect(page).toMatchObject({ version: 5, content: replies.find(({ body }) => body["version"] === 5)!.body["content"] });
        const guarded = await Promise.all([1, 2, 3].map(() => put(ann.login, { content: "once", version: 5 }, id)));
        expect(guarded.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
      });

      it("carries out what a writer left in the middle, and finishes deletions at start", async () => {
        const ann = await server.add("ann");
        const db = calls();
        /** The database of a writer that ends before its page is written. */
        const ending = (verb: "update" | "del" | "delAll" | "add"): ModuleDb =>
          new Proxy(db, {
            get(target, name) {
              const call = (target as unknown as Record<PropertyKey, unknown>)[name];
              if (typeof call !== "function") return call;
              return (table: string, ...rest: unknown[]): unknown =>
                name === verb && (verb === "delAll" || table === "bk_pages")
                  ? Promise.reject(new Error("killed"))
                  : (call as (...all: unknown[]) => unknown).call(target, table, ...rest);
            },
          });
        const caller = callerOf(ann);
        const id = `left-${ann.id.slice(0, 20)}`;
        await expect(serviceOn(ending("add")).put(caller, id, { title: "first", content: "secret-1" }, undefined)).rejects.toThrow(
          "killed",
        );
        expect((await server.test.call(ann.login, `/pages/get/${id}`)).status).toBe(404);
        expect((await put(ann.login, { subtitle: "second" }, id)).body).toMatchObject({ title: "first", version: 2, subtitle: "second" });
        await expect(serviceOn(ending("update")).put(caller, id, { subtitle: "third" }, undefined)).rejects.toThrow("killed");
        expect((await server.test.call(ann.login, `/pages/get/${id}`)).body).toMatchObject({ version: 2 });
        expect(rowsOf(await server.test.call(ann.login, `/pages/history/${id}`))).toHaveLength(2);
        expect((await put(ann.login, { title: "fourth" }, id)).body).toMatchObject({ version: 4, subtitle: "third", title: "fourth" });
        await expect(serviceOn(ending("delAll")).del(caller, id)).rejects.toThrow("killed");
        expect((await server.test.call(ann.login, `/pages/get/${id}`)).status).toBe(404);
        expect((await server.test.call(ann.login, `/pages/history/${id}`)).status).toBe(404);
        expect((await db.select("bk_page_version", { id })).rows).toHaveLength(5);
        const later = serviceOn(db);
        await expect.poll(async () => (await db.select("bk_page_version", { id })).rows.length, { timeout: 30_000 }).toBe(1);
        await later.close();
      });

      it("finds pages by words where the database can, and says so where it cannot", async () => {
        const ann = await server.add("ann");
        const hidden = String((await put(ann.login, { title: "Zebra in Rome", content: "stripes" })).body["id"]);
        const open = String((await put(ann.login, { title: "Horse", content: "like a zebra", pub: true })).body["id"]);
        const found = await server.test.call(ann.login, "/pages/search?q=zebra");
        if (!(calls().capabilities() as unknown as { search: boolean }).search) {
          expect(found).toMatchObject({ status: 400, body: { code: "unsupported" } });
          expect(found.text).toContain("full-text search");
          return;
        }
        expect(
          rowsOf(found)
            .map(({ id }) => id)
            .sort(),
        ).toEqual([hidden, open].sort());
        expect(rowsOf(await server.test.call(ann.login, "/pages/search?q=zebra%20-stripes")).map(({ id }) => id)).toEqual([open]);
        const seen = await nobody("/pages/search?q=zebra");
        expect(rowsOf(seen).map(({ id }) => id)).toEqual([open]);
        expect(seen.text).not.toContain("content");
      });

      it("refuses what is missing or no page, naming it", async () => {
        const ann = await server.add("ann");
        const refusals: [object, string][] = [
          [{ title: "T" }, "content"],
          [{ content: "no heading" }, "title"],
          [{ title: "T", content: "x".repeat(100_001) }, "content"],
          [{ title: "x".repeat(201), content: "x" }, "title"],
          [{ title: "T", content: "x", icon: 'a" onload="x' }, "icon"],
          [{ title: "T", content: "x", toc: "maybe" }, "toc"],
          [{ title: "T", content: "x", other: 1 }, "other"],
          ...["javascript:alert(1)", "//evil.test", "/\\evil.test", "data:text/html,x", "https://", "mailto:a@b.c"].map(
            (link): [object, string] => [{ title: "T", link }, "link"],
          ),
        ];
        for (const [json, field] of refusals) expect(await put(ann.login, json)).toMatchObject({ status: 400, body: { field } });
        for (const id of ["a%2Fb", "-x", "x".repeat(65), "%00"])
          expect((await put(ann.login, { title: "T", content: "x" }, id)).status).toBe(400);
        expect((await server.test.call(ann.login, "/pages/del", { method: "POST" })).body).toMatchObject({ status: 400, field: "id" });
      });

      it("shows documents in which nothing of a page runs", async () => {
        const ann = await server.add("ann");
        const content = [
          "<script>alert(1)</script>",
          "<img src=x onerror=alert(1)>",
          "[a](javascript:alert(1)) [b](JaVaScRiPt:alert(1)) [c](data:text/html;base64,PHNjcmlwdD4=) [d](vbscript:x)",
          "![i](javascript:alert(1)) ![j](data:image/svg+xml,<svg/onload=alert(1)>)",
          '[e](https://ok.test "x\\" onmouseover=\\"alert(1)")',
          "# <b onclick=alert(1)>head</b>",
          '```js" onload="x\ncode\n```',
          '<https://ok.test/"onclick=alert(1)>',
        ].join("\n\n");
        const made = await put(ann.login, {
          title: "</title><script>alert(1)</script>",
          subtitle: "<script>x</script>",
          content,
          toc: true,
          pub: true,
          link: "https://ok.test/?a=\"'<b>",
        });
        expect(made.status).toBe(200);
        const page = await nobody(`/pages/show/${String(made.body["id"])}`);
        expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
        expect(page.headers.get("x-content-type-options")).toBe("nosniff");
        const policy = page.headers.get("content-security-policy")!;
        expect(policy).toMatch(/^default-src 'none'; style-src 'sha256-[^']+'; img-src 'self'; base-uri 'none'/);
        expect(policy).not.toContain("unsafe");
        const tags = [...page.text.matchAll(/<\/?([a-z0-9]+)([^>]*)>/gi)];
        expect(tags.map((tag) => tag[1]!.toLowerCase())).not.toContain("script");
        for (const [, , attributes] of tags) {
          expect(attributes).not.toMatch(/(^|["'\s])on\w+\s*=\s*["']?alert/i);
          expect(attributes).not.toMatch(/(href|src)="(?!https:\/\/ok\.test|#section)/i);
        }
        const { body } = await nobody(`/pages/get/${String(made.body["id"])}?_render=1`);
        for (const name of ["content", "subtitle", "toc"]) expect(body[name]).not.toMatch(/<script|<img[^>]+onerror/i);
      });

      it("serves Markdown files of its folder alone", async () => {
        const hello = await nobody("/pages/file/hello.md");
        expect(hello.text).toContain('<h1 id="section-hello">Hello</h1>');
        expect(hello.text).toContain("<title>Hello</title>");
        expect(hello.text).not.toContain("<script>");
        expect((await nobody("/pages/file/more/deep.md")).text).toContain("Deep");
        const raw = await nobody("/pages/file/hello.md?_raw=1");
        expect([raw.text, raw.headers.get("content-type")]).toEqual(["# Hello\n\n<script>alert(1)</script>", "text/plain; charset=utf-8"]);
        const paths = [
          "../outside.md",
          "%2e%2e/outside.md",
          "..%2foutside.md",
          "more/..%2f..%2foutside.md",
          "link.md",
          "type.md",
          "folder.md",
          "notes.txt",
          "notes.txt%00.md",
          "none.md",
          "%2fetc%2fhosts.md",
          ".hidden.md",
          "more//deep.md",
          "..%5coutside.md",
        ];
        for (const path of paths) {
          const reply = await nobody(`/pages/file/${path}`);
          expect([path, [400, 401, 404].includes(reply.status)]).toEqual([path, true]);
          expect(reply.text).not.toContain("Outside");
        }
      });

      it("forgets an account: its pages, and that it wrote in others", async () => {
        const [ann, editor] = [await server.add("ann"), await server.add("ed", "editor")];
        const own = String((await put(editor.login, { title: "Own", content: "x" })).body["id"]);
        const others = String((await put(ann.login, { title: "Ann's", content: "x" })).body["id"]);
        await put(editor.login, { subtitle: "edited" }, others);
        const service = serviceOn(calls());
        await service.forget(editor.id);
        await service.forget(editor.id);
        await service.close();
        expect((await server.test.call(ann.login, `/pages/get/${own}`)).status).toBe(404);
        expect(rowsOf(await server.test.call(ann.login, `/pages/history/${others}`)).map(({ author }) => author)).toEqual([null, ann.id]);
        for (const table of ["bk_pages", "bk_page_version"])
          for (const id of [own, others]) expect(JSON.stringify((await calls().select(table, { id })).rows)).not.toContain(editor.id);
      });
    },
  );
});
