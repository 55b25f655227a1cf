import { mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { signUrl } from "@bk/auth";
import { accounts, icons, type IconsOptions } from "@bk/modules";
import { plainImages } from "@bk/modules/icons";
import sharp, { type Metadata, type Sharp } from "sharp";
import { describe, expect, it } from "vitest";

import { origin, type Reply, startServer, type TestServer } from "../start-server.js";
import { onEngines } from "./on-engines.js";

const home = mkdtempSync(join(tmpdir(), "bk-icons-"));
type Rows = readonly Readonly<Record<string, unknown>>[];

const picture = (width: number, height: number, color = "#c00"): Sharp =>
  sharp({ create: { width, height, channels: 3, background: color } });
const png = (width: number, height: number, color?: string): Promise<Buffer> => picture(width, height, color).png().toBuffer();
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

const rowsOf = ({ body }: Reply): Rows => body as unknown as Rows;

/** The bytes of a reply to a signed request. */
async function bytesOf(
  test: TestServer,
  login: string | undefined,
  path: string,
  init: RequestInit = {},
): Promise<{ response: Response; bytes: Buffer }> {
  const url = login === undefined ? origin + path : await signUrl({ url: origin + path, login, secret: `secret of ${login}` });
  const response = await test.server.app.fetch(new Request(url, init));
  return { response, bytes: Buffer.from(await response.arrayBuffer()) };
}

/** Every file that is kept, whoever it belongs to. */
const kept = (): string[] =>
  readdirSync(home, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);

const options: IconsOptions = { limits: { few: 2, "*": 50 }, publicPrefixes: ["account", "album"] };

describe("the module icons", () => {
  onEngines(
    () => [icons(options), accounts()],
    (server) => {
      const put = async (login: string, bytes: Uint8Array, more: object = {}): Promise<Reply> =>
        server.test.call(login, "/icon/put", { json: { prefix: "album", type: "a", icon: base64(bytes), ...more } });

      it("shows the URLs of icons with their accounts, to whom may see them", async () => {
        const [ann, ben] = [await server.add("ann"), await server.add("ben")];
        const icon = base64(await png(4, 4));
        for (const [type, acl] of [
          ["0", "all"],
          ["1", ""],
          ["2", "auth"],
        ] as const)
          await server.test.call(ann.login, "/account/put/icon", { json: { type, icon, acl_allow: acl } });
        await put(ann.login, await png(4, 4));
        for (const { login } of [ann, ben]) await server.test.call(login, "/account/get");
        const iconsOf = (row: Readonly<Record<string, unknown>>): unknown =>
          Object.fromEntries(Object.entries(row).filter(([name]) => name.startsWith("icon")));
        expect(iconsOf((await server.test.call(ann.login, "/account/get")).body)).toEqual({
          icon0: `/image/account/${ann.id}/0.jpg`,
          icon1: "/account/get/icon?type=1",
          icon2: "/account/get/icon?type=2",
        });
        const seen = rowsOf(await server.test.call(ben.login, `/account/get?id=${ben.id},${ann.id}`));
        expect(seen.map(iconsOf)).toEqual([
          {},
          { icon0: `/image/account/${ann.id}/0.jpg`, icon2: `/account/get/icon?type=2&id=${ann.id}` },
        ]);
      });

      it("keeps an image, scaled and in the wanted type, and gives it to whom its owner says", async () => {
        const [ann, ben] = [await server.add("ann"), await server.add("ben")];
        const bytes = await png(400, 200);
        const reply = await put(ann.login, bytes, { _width: 100, descr: "a picture", tags: ["x", "y"], latitude: 0, longitude: -1 });
        expect(reply.status).toBe(200);
        expect(rowsOf(reply)).toMatchObject([
          {
            id: ann.id,
            prefix: "album",
            type: "a",
            descr: "a picture",
            tags: ["x", "y"],
            width: 100,
            height: 50,
            ext: "jpg",
            latitude: 0,
            url: "/icon/get?prefix=album&type=a",
          },
        ]);
        for (const hidden of ["object", "etag", "name"]) expect(rowsOf(reply)[0]).not.toHaveProperty(hidden);
        const path = `/icon/get?prefix=album&type=a&id=${ann.id}`;
        const { response, bytes: stored } = await bytesOf(server.test, ann.login, path);
        expect(response.headers.get("content-type")).toBe("image/jpeg");
        expect(response.headers.get("x-content-type-options")).toBe("nosniff");
        expect(await sharp(stored).metadata()).toMatchObject({ format: "jpeg", width: 100, height: 50 });

        const statuses = async (): Promise<number[]> => {
          const found: number[] = [];
          for (const login of [ann.login, ben.login, undefined, "root"])
            found.push((await bytesOf(server.test, login, path)).response.status);
          return found;
        };
        const seenByBen = async (): Promise<number> =>
          rowsOf(await server.test.call(ben.login, `/icon/select?prefix=album&id=${ann.id}`)).length;
        expect([await statuses(), await seenByBen()]).toEqual([[200, 404, 404, 200], 0]);
        for (const [acl, expected, seen] of [
          ["auth", [200, 200, 404, 200], 1],
          ["all", [200, 200, 200, 200], 1],
          [`u_other,${ben.id}`, [200, 200, 404, 200], 1],
          ["u_other", [200, 404, 404, 200], 0],
          ["", [200, 404, 404, 200], 0],
        ] as const) {
          expect((await put(ann.login, bytes, { acl_allow: acl })).status).toBe(200);
          expect([acl, await statuses(), await seenByBen()]).toEqual([acl, expected, seen]);
        }
        // What others see of it is public columns.
        await put(ann.login, bytes, { acl_allow: "all", latitude: 1, tags: ["t"] });
        expect(rowsOf(await server.test.call(ben.login, `/icon/select?prefix=album&id=${ann.id}`))).toEqual([
          { id: ann.id, prefix: "album", type: "a", descr: null, width: 400, height: 200, ext: "jpg", url: `/image/album/${ann.id}/a.jpg` },
        ]);
        for (const path of [
          "/icon/put",
          "/icon/upload",
          "/icon/del",
          "/icon/select",
          "/account/put/icon",
          "/account/del/icon",
          "/account/select/icon",
        ])
          expect((await server.test.call("", `${path}?prefix=album`, { signed: false })).status).toBe(401);
      });

      it("gives public images an address, with a tag that saves sending them again", async () => {
        const ann = await server.add("ann");
        const bytes = await png(10, 10);
        await put(ann.login, bytes, { acl_allow: "all", _ext: "png" });
        await put(ann.login, bytes, { acl_allow: "all", type: "", _ext: "webp" });
        await put(ann.login, bytes, { acl_allow: "auth", type: "mine.png" });
        await put(ann.login, bytes, { acl_allow: "all", prefix: "few" });
        const status = async (path: string, login?: string): Promise<number> => (await bytesOf(server.test, login, path)).response.status;
        expect(await status(`/image/album/${ann.id}/a`)).toBe(200);
        expect(await status(`/image/album/${ann.id}/a.png`)).toBe(200);
        expect(await status(`/image/album/${ann.id}`)).toBe(200);
        expect(await status(`/image/album/${ann.id}.webp`)).toBe(200);
        expect(await status(`/image/album/${ann.id}/a.jpg`)).toBe(404);
        expect(await status(`/image/album/${ann.id}/mine.png`)).toBe(404);
        expect(await status(`/image/album/${ann.id}/mine.png`, "eve")).toBe(200);
        for (const path of [
          `few/${ann.id}/a`,
          `album/${ann.id}/a/b`,
          `album/${ann.id}/..`,
          "album",
          `album/..%2f..%2fetc/passwd`,
          `other/${ann.id}`,
        ])
          expect([path, [400, 404].includes(await status(`/image/${path}`))]).toEqual([path, true]);

        const { response, bytes: whole } = await bytesOf(server.test, undefined, `/image/album/${ann.id}/a.png`);
        expect(response.headers.get("cache-control")).toBe("public, max-age=3600");
        const etag = response.headers.get("etag")!;
        const again = await bytesOf(server.test, undefined, `/image/album/${ann.id}/a.png`, {
          headers: { "if-none-match": `"x", W/${etag}` },
        });
        expect([again.response.status, again.bytes.length]).toEqual([304, 0]);
        const head = await bytesOf(server.test, undefined, `/image/album/${ann.id}/a.png`, { method: "HEAD" });
        expect([head.response.status, head.bytes.length, head.response.headers.get("content-length")]).toEqual([
          200,
          0,
          String(whole.length),
        ]);
        await put(ann.login, await png(11, 10), { acl_allow: "all", _ext: "png" });
        const changed = await bytesOf(server.test, undefined, `/image/album/${ann.id}/a.png`, { headers: { "if-none-match": etag } });
        expect(changed.response.status).toBe(200);
      });

      it("refuses what is no image, lies about its type, is damaged or too large, and names that lead elsewhere", async () => {
        const ann = await server.add("ann");
        const before = kept().length;
        const good = await png(20, 20);
        const refused = async (bytes: Uint8Array, more: object, field: string): Promise<void> => {
          expect(await put(ann.login, bytes, more)).toMatchObject({ status: 400, body: { field } });
        };
        const svg = '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>';
        for (const text of [svg, "<html><script>alert(1)</script></html>", "", "GIF89a", "PK\u0003\u0004 and more", "\u0089PNG\r\n"])
          await refused(Buffer.from(text, "latin1"), {}, "icon");
        await refused(good.subarray(0, 60), {}, "icon");
        await refused(Buffer.concat([good.subarray(0, 50), Buffer.alloc(60, 7), good.subarray(60)]), {}, "icon");
        expect(await put(ann.login, await png(8000, 5001))).toMatchObject({ status: 413 });
        for (const prefix of ["", "..", "../a", "a/b", "a\\b", "a b", "a:b", "é", "x".repeat(65), "."])
          await refused(good, { prefix }, "prefix");
        for (const type of ["..", "a/b", "../../x", "a:b", "x\u0000", "x".repeat(65)]) await refused(good, { type }, "type");
        await refused(good, { acl_allow: "all,../x" }, "acl_allow");
        await refused(good, { _width: 5000 }, "_width");
        await refused(good, { _ext: "svg" }, "_ext");
        await refused(good, { _bgcolor: "nocolor", _rotate: 10 }, "_bgcolor");
        await refused(good, { object: "x" }, "object");
        await refused(good, { etag: "x" }, "etag");
        expect(kept().length).toBe(before);
        expect(rowsOf(await server.test.call(ann.login, "/icon/select?prefix=album"))).toEqual([]);
      });

      it("takes files of forms, whose type must be true", async () => {
        const ann = await server.add("ann");
        const bytes = await png(20, 30);
        const send = async (type: string, name: string, fields: Record<string, string>): Promise<Reply> => {
          const form = new FormData();
          for (const [field, value] of Object.entries(fields)) form.set(field, value);
          form.set("icon", new File([new Uint8Array(bytes)], name, { type }));
          const request = new Request(origin, { method: "POST", body: form });
          const body = new Uint8Array(await request.arrayBuffer());
          return server.test.call(ann.login, "/icon/upload", {
            method: "POST",
            body,
            contentType: request.headers.get("content-type")!,
            headers: { "content-type": request.headers.get("content-type") },
          });
        };
        const reply = await send("image/png", "C:\\fakepath\\my photo.png", { prefix: "album", type: "@filename@", _ext: "png" });
        expect(reply.body).toMatchObject({
          id: ann.id,
          prefix: "album",
          type: "my_photo",
          width: 20,
          height: 30,
          format: "png",
          url: "/icon/get?prefix=album&type=my_photo",
        });
        expect(await send("image/gif", "x.gif", { prefix: "album" })).toMatchObject({ status: 400, body: { field: "icon" } });
        expect(await send("image/svg+xml", "x.svg", { prefix: "album" })).toMatchObject({ status: 400, body: { field: "icon" } });
        expect(await send("text/html", "x.html", { prefix: "album" })).toMatchObject({ status: 400, body: { field: "icon" } });
        expect((await send("application/octet-stream", "x", { prefix: "album", type: "b" })).status).toBe(200);
        const { response } = await bytesOf(server.test, ann.login, "/icon/get?prefix=album&type=my_photo");
        expect(response.headers.get("content-type")).toBe("image/png");
      });

      it("keeps one file for an icon, removes it with the icon, and touches no icon of others", async () => {
        const [ann, ben] = [await server.add("ann"), await server.add("ben")];
        const before = kept().length;
        await put(ann.login, await png(10, 10));
        await put(ann.login, await png(12, 10), { type: "ab" });
        await put(ann.login, await png(14, 10));
        expect(kept().length).toBe(before + 2);
        expect(rowsOf(await server.test.call(ann.login, "/icon/select?prefix=album")).map(({ type, width }) => [type, width])).toEqual([
          ["a", 14],
          ["ab", 12],
        ]);
        expect(rowsOf(await server.test.call(ann.login, "/icon/select?prefix=albu"))).toEqual([]);
        for (const command of ["put", "upload"])
          expect(
            await server.test.call(ben.login, `/icon/${command}`, { json: { prefix: "album", icon: base64(await png(1, 1)), id: ann.id } }),
          ).toMatchObject({ status: 403 });
        expect(await server.test.call(ben.login, `/icon/del?prefix=album&type=a&id=${ann.id}`)).toMatchObject({ status: 403 });
        expect((await server.test.call(ben.login, "/icon/del?prefix=album&type=a")).body).toEqual({});
        expect(kept().length).toBe(before + 2);
        expect((await server.test.call("root", `/icon/del?prefix=album&type=ab&id=${ann.id}`)).body).toEqual({});
        expect((await server.test.call(ann.login, "/icon/del?prefix=album&type=a")).body).toEqual({});
        expect(kept().length).toBe(before);
        expect((await bytesOf(server.test, ann.login, "/icon/get?prefix=album&type=a")).response.status).toBe(404);
        expect((await server.test.call("root", "/icon/del?prefix=album&type=a&id=u_nobody")).status).toBe(404);
      });

      it("keeps row and bytes together while many replace an icon and others read it", async () => {
        const ann = await server.add("ann");
        const before = kept().length;
        const images = await Promise.all(["#f00", "#0f0", "#00f", "#ff0"].map((color, i) => png(10 + i, 10, color)));
        await put(ann.login, images[0]!, { _ext: "png" });
        const reads = Array.from({ length: 12 }, () => bytesOf(server.test, ann.login, "/icon/get?prefix=album&type=a"));
        const writes = images.map((bytes) => put(ann.login, bytes, { _ext: "png" }));
        for (const reply of await Promise.all(writes)) expect(reply.status).toBe(200);
        for (const { response, bytes } of await Promise.all(reads)) {
          expect(response.status).toBe(200);
          expect(response.headers.get("content-length")).toBe(String(bytes.length));
          expect((await sharp(bytes).metadata()).format).toBe("png");
        }
        expect(kept().length).toBe(before + 1);
        const [row] = rowsOf(await server.test.call(ann.login, "/icon/select?prefix=album"));
        const { bytes } = await bytesOf(server.test, ann.login, "/icon/get?prefix=album&type=a");
        expect((await sharp(bytes).metadata()).width).toBe(row!["width"]);
      });

      it("keeps no more icons than are allowed, also of many at once; replacing one does not count", async () => {
        const ann = await server.add("ann");
        const bytes = await png(5, 5);
        const few = (type: string): Promise<Reply> => put(ann.login, bytes, { prefix: "few", type });
        expect((await few("1")).status).toBe(200);
        expect((await few("2")).status).toBe(200);
        expect(await few("3")).toMatchObject({ status: 403 });
        expect((await few("2")).status).toBe(200);
        const ben = await server.add("ben");
        const before = kept().length;
        await Promise.all(Array.from({ length: 6 }, (_, i) => put(ben.login, bytes, { prefix: "few", type: `t${i}` })));
        const left = rowsOf(await server.test.call(ben.login, "/icon/select?prefix=few")).length;
        expect(left).toBeLessThanOrEqual(2);
        expect(kept().length).toBe(before + left);
      });

      it("has the icons of accounts under their own paths", async () => {
        const ann = await server.add("ann");
        const icon = base64(await png(30, 30));
        const { call } = server.test;
        expect(rowsOf(await call(ann.login, "/account/put/icon", { json: { icon, acl_allow: "all" } }))).toMatchObject([
          { id: ann.id, prefix: "account", type: "0", url: `/image/account/${ann.id}/0.jpg` },
        ]);
        expect(rowsOf(await call(ann.login, "/account/put/icon", { json: { icon, type: "b" } }))).toMatchObject([
          { type: "0" },
          { type: "b", url: "/account/get/icon?type=b" },
        ]);
        expect(rowsOf(await call("eve", `/account/select/icon?id=${ann.id}`)).map(({ type }) => type)).toEqual(["0"]);
        expect(rowsOf(await call(ann.login, "/account/select/icon")).map(({ type }) => type)).toEqual(["0", "b"]);
        expect((await bytesOf(server.test, ann.login, "/account/get/icon?type=b")).response.status).toBe(200);
        expect((await bytesOf(server.test, "eve", `/account/get/icon?id=${ann.id}&type=b`)).response.status).toBe(404);
        expect((await bytesOf(server.test, undefined, `/account/get/icon?id=${ann.id}`)).response.status).toBe(200);
        expect((await bytesOf(server.test, undefined, "/account/get/icon")).response.status).toBe(404);
        expect((await call(ann.login, "/account/del/icon?type=b")).body).toEqual({});
        expect((await call(ann.login, "/account/icon/del")).body).toEqual({});
        expect(rowsOf(await call(ann.login, "/account/select/icon"))).toEqual([]);
      });

      it("is told apart by signatures in addresses, which hold for what was signed alone", async () => {
        const ann = await server.add("ann");
        await put(ann.login, await png(5, 5));
        const url = await signUrl({ url: `${origin}/icon/get?prefix=album&type=a`, login: ann.login, secret: `secret of ${ann.login}` });
        const get = async (address: string): Promise<number> => (await server.test.server.app.fetch(new Request(address))).status;
        expect(await get(url)).toBe(200);
        expect(await get(url)).toBe(200);
        expect(await get(url.replace("type=a", "type=b"))).toBe(401);
      });
    },
    { home },
  );

  it("turns, moves and colors images, and leaves nothing of a file but its pixels", async () => {
    await using test = await startServer({ modules: [icons()], home, tables: {} });
    const made = async (bytes: Uint8Array, more: object): Promise<Metadata & { readonly bytes: Buffer }> => {
      const reply = await test.call("bob", "/icon/put", { json: { prefix: "p", icon: base64(bytes), ...more } });
      expect(reply.status).toBe(200);
      const stored = await bytesOf(test, "bob", "/icon/get?prefix=p");
      return { ...(await sharp(stored.bytes).metadata()), bytes: stored.bytes };
    };
    const turned = await picture(40, 20)
      .jpeg()
      .withExif({ IFD0: { Artist: "somebody" } })
      .withMetadata({ orientation: 6 })
      .toBuffer();
    const upright = await made(turned, {});
    expect(upright).toMatchObject({ width: 20, height: 40 });
    expect(upright.exif).toBeUndefined();
    expect(
      await made(Buffer.concat([await picture(9, 9).jpeg().toBuffer(), Buffer.from("<script>payload</script>")]), { _ext: "jpeg" }),
    ).toSatisfy(({ bytes }: { bytes: Buffer }) => !bytes.includes("payload"));
    expect(await made(await png(40, 20), { _rotate: 90, _ext: "png" })).toMatchObject({ format: "png", width: 20, height: 40 });
    expect(await made(await png(40, 20), { _width: -400 })).toMatchObject({ width: 40, height: 20 });
    expect(await made(await png(40, 20), { _width: 80 })).toMatchObject({ width: 80, height: 40 });
    expect(await made(await png(40, 20), { _width: 10, _height: 10 })).toMatchObject({ width: 10, height: 10 });
    const frames = await sharp(await Promise.all([png(6, 6), png(6, 6, "#0f0")]), { join: { animated: true } })
      .gif()
      .toBuffer();
    expect(await made(frames, { _ext: "gif" })).toMatchObject({ format: "gif", pages: 2 });
    expect((await made(frames, {})).pages ?? 1).toBe(1);
    const dark = await made(await png(10, 10, "#808080"), { _brightness: -50, _ext: "png" });
    expect((await sharp(dark.bytes).stats()).channels[0]!.mean).toBeLessThan(80);
    const blue = await made(
      await sharp({ create: { width: 5, height: 5, channels: 4, background: "#0000" } })
        .png()
        .toBuffer(),
      { _bgcolor: "#00f" },
    );
    expect((await sharp(blue.bytes).stats()).channels[2]!.mean).toBeGreaterThan(200);
  });

  it("keeps images as they are without sharp, and says so", async () => {
    await using test = await startServer({ modules: [icons({ images: plainImages() })], home, tables: {} });
    for (const [format, ext] of [
      ["png", "png"],
      ["jpeg", "jpg"],
      ["gif", "gif"],
      ["webp", "webp"],
    ] as const) {
      const bytes = await picture(33, 22).toFormat(format).toBuffer();
      const reply = await test.call("bob", "/icon/put", { json: { prefix: ext, icon: base64(bytes), _width: 10 } });
      expect(rowsOf(reply)).toMatchObject([{ width: 33, height: 22, ext }]);
      expect(reply.headers.get("warning")).toContain("sharp");
      expect((await bytesOf(test, "bob", `/icon/get?prefix=${ext}`)).bytes.equals(bytes)).toBe(true);
      expect(await test.call("bob", "/icon/put", { json: { prefix: ext, icon: base64(bytes.subarray(0, 9)) } })).toMatchObject({
        status: 400,
      });
    }
    expect(await test.call("bob", "/icon/put", { json: { prefix: "p", icon: base64(await png(8000, 5001)) } })).toMatchObject({
      status: 413,
    });
    expect(await test.call("bob", "/icon/put", { json: { prefix: "p", icon: base64(Buffer.from("<svg/>")) } })).toMatchObject({
      status: 400,
    });
  });
});
