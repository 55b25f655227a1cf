// Every endpoint that takes bytes, with what is not what it seems, is too much, or leads elsewhere: refused by name, nothing kept, and the
// next good request works. The endpoints are found by what they say of themselves.

import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { gzipSync } from "node:zlib";

import { signUrl } from "@bk/auth";
import { callsOf, type Endpoint } from "@bk/modules";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { temporaryFolder } from "../run-cli.js";
import { origin, type Reply, startServer, type TestServer } from "../start-server.js";
import { everyEndpoint, samplesOf } from "./every-endpoint.js";
import {
  goodImage,
  gifOfFrames,
  type HostileFile,
  leading,
  loadedImages,
  pngOfBytes,
  pngSaying,
  refusedImages,
  runnable,
} from "./hostile-files.js";

const mostBytes = 10 * 1024 * 1024;

const home = temporaryFolder();
const { found, modules } = everyEndpoint();
let test: TestServer;
let tables: readonly string[];

beforeAll(async () => {
  const all = modules();
  tables = all.flatMap((module) => Object.keys(module.tables));
  test = await startServer({ modules: all, tables: {}, home: home.path });
});
afterAll(async () => {
  await test?.server.close();
  home[Symbol.dispose]();
});

interface Route {
  readonly path: string;
  /** The parameter that takes the bytes. */
  readonly field: string;
  /** What else it needs. */
  readonly fields: Readonly<Record<string, string>>;
  readonly isImage: boolean;
  /** Whether a body of another type than JSON or a form is the bytes. */
  readonly takesBody: boolean;
}

/** What endpoints need that their parameters do not call required. */
const needed: Readonly<Record<string, () => Record<string, string>>> = { "/message/add": () => ({ id: test.ids["eve"]! }) };

function routeOf({ path, parameters = {}, maxUploadBytes }: Endpoint): readonly Route[] {
  return Object.entries(parameters)
    .filter(([, { type }]) => type === "bytes")
    .map(([field]) => {
      const { [field]: _bytes, ...fields } = samplesOf({ parameters } as Endpoint) as Record<string, string>;
      return {
        path,
        field,
        fields: { ...fields, ...needed[path]?.() },
        isImage: field === "icon",
        takesBody: maxUploadBytes !== undefined,
      };
    });
}
const routes = (): readonly Route[] => found.flatMap(({ endpoint }) => routeOf(endpoint));
const imageRoutes = (): readonly Route[] => routes().filter(({ isImage }) => isImage);
const fileRoutes = (): readonly Route[] => routes().filter(({ isImage }) => !isImage);

/** Every row of every module, and every file that is kept. */
async function everything(): Promise<unknown> {
  const db = callsOf(test.server.db);
  const rows: Record<string, unknown[]> = {};
  for (const table of tables) for await (const row of db.scan(table, {})) (rows[table] ??= []).push(row);
  return { rows, files: keptFiles().sort() };
}

const keptFiles = (): string[] =>
  readdirSync(home.path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));

const boundary = "a-boundary-of-these-tests";

interface Part {
  /** As it stands after `form-data`. */
  readonly disposition: string;
  readonly type?: string;
  readonly headers?: string;
  readonly bytes: Uint8Array | string;
}

/** A form as it is on the wire, so that it may be wrong in every way. */
function formOf(parts: readonly Part[], end = `--${boundary}--\r\n`): Uint8Array {
  const pieces = parts.flatMap(({ disposition, type, headers = "", bytes }) => [
    Buffer.from(
      `--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n${type === undefined ? "" : `Content-Type: ${type}\r\n`}${headers}\r\n`,
      "latin1",
    ),
    typeof bytes === "string" ? Buffer.from(bytes) : bytes,
    Buffer.from("\r\n"),
  ]);
  return Buffer.concat([...pieces, Buffer.from(end)]);
}

const fieldParts = (fields: Readonly<Record<string, string>>): Part[] =>
  Object.entries(fields).map(([name, bytes]) => ({ disposition: `name="${name}"`, bytes }));

const filePart = (field: string, { bytes, name, type }: Omit<HostileFile, "what">): Part => ({
  disposition: `name="${field}"; filename="${name}"`,
  type,
  bytes,
});

async function sendBody(
  path: string,
  body: Uint8Array,
  contentType = `multipart/form-data; boundary=${boundary}`,
  more = {},
): Promise<Reply> {
  const reply = await test.call("bob", path, { method: "POST", body, contentType, headers: { "content-type": contentType, ...more } });
  expect(reply.headers.get("x-content-type-options")).toBe("nosniff");
  return reply;
}

const asForm = ({ path, field, fields }: Route, file: Omit<HostileFile, "what">, more: Record<string, string> = {}): Promise<Reply> =>
  sendBody(path, formOf([...fieldParts({ ...fields, ...more }), filePart(field, file)]));

const asJson = ({ path, field, fields }: Route, { bytes }: Pick<HostileFile, "bytes">, more: object = {}): Promise<Reply> =>
  test.call("bob", path, { json: { ...fields, [field]: Buffer.from(bytes).toString("base64"), ...more } });

const takes = ({ path }: Route, name: string): boolean =>
  found.some(({ endpoint }) => endpoint.path === path && Object.hasOwn(endpoint.parameters ?? {}, name));

type Send = (route: Route, file: Omit<HostileFile, "what">, more?: Record<string, string>) => Promise<Reply>;

const asBody: Send = ({ path, fields }, { bytes, type }, more = {}) =>
  sendBody(`${path}?${new URLSearchParams({ ...fields, ...more }).toString()}`, bytes, type);

const waysOf = ({ takesBody }: Route): readonly Send[] => [asForm, asJson, ...(takesBody ? [asBody] : [])];

const png = { type: "image/png", name: "x.png" };
const good = async (): Promise<Omit<HostileFile, "what">> => ({ ...png, bytes: await goodImage() });

/** Runs what is to be refused, all at once. Nothing may be kept of it, nothing may be logged as a failure, and a good request works after it. */
async function expectRefusals(
  route: Route,
  calls: Readonly<Record<string, () => Promise<Reply>>>,
  expected: (what: string) => object,
): Promise<void> {
  const before = await everything();
  test.logged.length = 0;
  const replies = await Promise.all(Object.entries(calls).map(async ([what, call]) => ({ what, reply: await call() })));
  for (const { what, reply } of replies)
    expect({ path: route.path, what, status: reply.status, body: reply.body }).toMatchObject({ path: route.path, what, ...expected(what) });
  expect(await everything()).toEqual(before);
  expect((await asForm(route, await good())).status).toBe(200);
}

/** A reply of bytes that were uploaded. */
async function served(path: string): Promise<{ readonly headers: Headers; readonly bytes: Buffer }> {
  const url = await signUrl({ url: origin + path, login: "bob", secret: "secret of bob" });
  const response = await test.server.app.fetch(new Request(url));
  expect(response.status).toBe(200);
  return { headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) };
}

describe("endpoints that take bytes", { timeout: 120_000 }, () => {
  it("are known here", () => {
    expect(
      routes()
        .map(({ path, field }) => `${path} ${field}`)
        .sort(),
    ).toEqual(["/account/put/icon icon", "/file/add data", "/file/put data", "/icon/put icon", "/icon/upload icon", "/message/add icon"]);
  });

  it("refuse what is no image, is another one than is said, or unpacks to too much", async () => {
    const images = await refusedImages();
    for (const route of imageRoutes()) {
      const field = { field: "icon" };
      const statuses = new Map(images.map(({ what, status }) => [what, { status, body: { status, ...field } }]));
      const forms = Object.fromEntries(images.map((image) => [image.what, () => asForm(route, image)]));
      await expectRefusals(route, forms, (what) => statuses.get(what)!);
      const texts = Object.fromEntries(
        images.filter(({ isImage }) => isImage !== true).map((image) => [image.what, () => asJson(route, image)]),
      );
      await expectRefusals(route, texts, (what) => statuses.get(what)!);
    }
  });

  it("end what takes too long, and go on with others", async () => {
    const slow = { bytes: gifOfFrames(80, 80, 6_000), type: "image/gif", name: "x.gif" };
    const route = imageRoutes().find(({ path }) => path === "/icon/put")!;
    await expectRefusals(route, { slow: () => asForm(route, slow, { _ext: "gif", _width: "4096", _height: "4096" }) }, () => ({
      status: 400,
      body: { field: "icon" },
    }));
    const many = { ...slow, bytes: gifOfFrames(200, 200, 5_000) };
    await expectRefusals(route, { many: () => asForm(route, many, { _ext: "gif" }) }, () => ({ status: 413, body: { field: "icon" } }));
  });

  it("keep nothing of an image but its pixels", async () => {
    for (const route of imageRoutes())
      for (const image of await loadedImages()) expect([image.what, (await asForm(route, image)).status]).toEqual([image.what, 200]);
    for (const file of keptFiles()) {
      const bytes = readFileSync(file);
      expect(bytes.subarray(0, 3)).toEqual(Buffer.from([0xff, 0xd8, 0xff]));
      expect(bytes.includes("alert(1)")).toBe(false);
      expect(bytes.length).toBeLessThan(1_000);
    }
  });

  it("keep files that a browser could run as what it does not run", async () => {
    for (const route of fileRoutes())
      for (const [i, file] of runnable.entries())
        for (const send of waysOf(route)) {
          const name = `${i}${file.name}`;
          expect((await send(route, file, { name })).status).toBe(200);
          const { headers, bytes } = await served(`/file/get?prefix=${route.fields["prefix"]!}&name=${name}`);
          expect(bytes.equals(file.bytes)).toBe(true);
          expect(headers.get("x-content-type-options")).toBe("nosniff");
          expect(headers.get("content-security-policy")).toMatch(/default-src 'none'.*sandbox/);
          const [type, disposition] = [headers.get("content-type")!, headers.get("content-disposition")!];
          expect([file.what, type, /^(text\/plain|image|audio)/.test(type) ? "inline" : "attachment"]).toEqual([
            file.what,
            expect.not.stringMatching(/html|svg|script|hta/),
            disposition.split(";", 1)[0],
          ]);
        }
  });

  it("refuse names that lead elsewhere, and say which", async () => {
    for (const route of routes()) {
      const named = ["prefix", "name", "type"].filter((name) => takes(route, name));
      const calls = named.flatMap((name) =>
        leading.flatMap((value) =>
          waysOf(route).map((send, i): [string, () => Promise<Reply>] => [
            `${name} ${value} ${i}`,
            async () => send(route, await good(), { [name]: value }),
          ]),
        ),
      );
      await expectRefusals(route, Object.fromEntries(calls), (what) => ({ status: 400, body: { field: what.split(" ", 1)[0] } }));
    }
  });

  it("take no place from the name of a file in a form", async () => {
    const names = [...leading.map((name) => name.replaceAll(/[\0"\r\n]/g, "_")), "C:\\\\windows\\\\x.png"];
    for (const route of routes())
      for (const name of names) {
        const reply = await asForm(route, { ...(await good()), name });
        expect({ path: route.path, name, status: reply.status }).toMatchObject({ status: 200 });
        expect(reply.text).not.toMatch(/windows|passwd/);
      }
    for (const file of keptFiles())
      expect(relative(home.path, file)).toMatch(/^var\/(master\.key|objects\/[a-z]+\/[0-9a-f]{40}\/[0-9a-f.]+)$/);
  });

  it("keep apart what a file system would bring together", async () => {
    const names = ["readme", "README", "Readme", "readme.", ".readme", "con", "CON", "nul.txt", "aux.", "a..b", "-rf", "_"];
    for (const route of fileRoutes()) {
      for (const name of names)
        expect((await asForm(route, { bytes: Buffer.from(name), type: "text/plain", name: "x" }, { name })).status).toBe(200);
      for (const name of names) {
        const { headers, bytes } = await served(`/file/get?prefix=${route.fields["prefix"]!}&name=${name}`);
        expect([bytes.toString(), headers.get("content-disposition")]).toEqual([name, expect.stringContaining(`filename="${name}"`)]);
      }
    }
  });

  it("take what is as large as is allowed, and nothing larger", async () => {
    const fileOf = (bytes: Uint8Array): Omit<HostileFile, "what"> => ({ ...png, bytes });
    // A row of a gray PNG has a byte more than pixels.
    const rowsOf = (rows: number): Omit<HostileFile, "what"> => fileOf(pngSaying(8_000, rows, Buffer.alloc(8_001 * rows)));
    for (const route of routes()) {
      for (const send of [asForm, asJson]) {
        expect([route.path, (await send(route, fileOf(pngOfBytes(mostBytes)))).status]).toEqual([route.path, 200]);
        const over = fileOf(pngOfBytes(mostBytes + 1));
        await expectRefusals(route, { over: () => send(route, over) }, () => ({ status: 400, body: { field: route.field } }));
      }
      const far = new Uint8Array(2 * mostBytes);
      await expectRefusals(route, { far: () => sendBody(route.path, far) }, () => ({ status: 413 }));
      if (!route.isImage) continue;
      expect([route.path, (await asForm(route, rowsOf(5_000))).status]).toEqual([route.path, 200]);
      await expectRefusals(route, { more: () => asForm(route, rowsOf(5_001)) }, () => ({ status: 413, body: { field: "icon" } }));
    }
  });

  it("refuse forms that are none, not whole, or could be read in two ways", async () => {
    for (const route of routes()) {
      const file = filePart(route.field, await good());
      const fields = fieldParts(route.fields);
      const form =
        (parts: readonly Part[], end?: string): (() => Promise<Reply>) =>
        () =>
          sendBody(route.path, formOf(parts, end));
      const of =
        (contentType: string, body = formOf([...fields, file])): (() => Promise<Reply>) =>
        () =>
          sendBody(route.path, body, contentType);
      const part = (disposition: string, bytes: Uint8Array | string = "x", more: Partial<Part> = {}): Part => ({
        disposition,
        bytes,
        ...more,
      });
      const calls: Readonly<Record<string, () => Promise<Reply>>> = {
        "no end": form([...fields, file], ""),
        "cut in a part": of(`multipart/form-data; boundary=${boundary}`, formOf([...fields, file]).subarray(0, -60)),
        "nothing but a boundary": form([]),
        "no boundary in it": of("multipart/form-data; boundary=another"),
        "no boundary named": of("multipart/form-data"),
        "an empty boundary": of('multipart/form-data; boundary=""'),
        "a boundary of 300 characters": of(`multipart/form-data; boundary=${"x".repeat(300)}`),
        "another kind of parts": of(`multipart/mixed; boundary=${boundary}`),
        "bytes as they are": of("image/png", Buffer.from(file.bytes)),
        "bytes as JSON": of("application/json", Buffer.from(file.bytes)),
        "20,000 fields": form([...fields, file, ...Array.from({ length: 20_000 }, (_, i) => part(`name="x${i}"`))]),
        "500 files": form([...fields, ...Array.from({ length: 500 }, (_, i) => part(`name="x${i}"; filename="x"`))]),
        "two files of one name": form([...fields, file, file]),
        "a file and a field of one name": form([...fields, part(`name="${route.field}"`, "aGVsbG8="), file]),
        "two fields of one name": form([...fields, file, part('name="acl_allow"', "all"), part('name="acl_allow"', "")]),
        "a name in the query and in the form": () =>
          sendBody(
            `${route.path}?${Object.keys(route.fields)[0] ?? "acl_allow"}=x`,
            formOf([...fieldParts({ acl_allow: "", ...route.fields }), file]),
          ),
        "a part that is no field": of(
          `multipart/form-data; boundary=${boundary}`,
          Buffer.from(
            Buffer.from(formOf([...fields, file, part('name="acl_allow"', "all")]))
              .toString("latin1")
              .replace('form-data; name="acl_allow"', 'attachment; name="acl_allow"'),
            "latin1",
          ),
        ),
        "a file as another field": form([...fields, part('name="acl_allow"; filename="x"', "all"), file]),
        "a field without a name": form([...fields, file, part('filename="x.png"')]),
        "an empty name": form([...fields, file, part('name=""')]),
        "a field named __proto__": form([...fields, file, part('name="__proto__"', '{"isAdmin":true}')]),
        "a field named constructor": form([...fields, file, part('name="constructor[prototype][isAdmin]"', "true")]),
        "a name of 100,000 characters": form([...fields, file, part(`name="${"x".repeat(100_000)}"`)]),
        "a form in a form": form([
          ...fields,
          part(`name="${route.field}"`, formOf([file]), { type: `multipart/mixed; boundary=${boundary}x` }),
        ]),
        "a header in a file name": form([...fields, file, part('name="x"; filename="x\r\nSet-Cookie: a=b\r\n\r\n"')]),
        "a header in a field name": form([...fields, file, part('name="x\r\nX-Injected: 1"')]),
        "3,000 headers of a part": form([...fields, part(`name="${route.field}"`, "", { headers: "X-Y: z\r\n".repeat(3_000) })]),
        "a header of 200,000 characters": form([...fields, part(`name="x"`, "", { headers: `X-Y: ${"z".repeat(200_000)}\r\n` })]),
      };
      await expectRefusals(route, calls, (what) => ({
        // Where the body itself would be taken, what it is called is missing.
        status: what === "another kind of parts" || (what === "bytes as they are" && !route.takesBody) ? 415 : 400,
        body: { code: expect.any(String), message: expect.any(String) },
      }));
    }
  });

  it("unpack no body", async () => {
    for (const route of routes()) {
      const form = formOf([...fieldParts(route.fields), filePart(route.field, await good())]);
      const calls = ["gzip", "GZIP", "deflate", "br", "zstd", "compress", "identity, gzip"].flatMap(
        (encoding): [string, () => Promise<Reply>][] => [
          [`${encoding}, packed`, () => sendBody(route.path, gzipSync(form), undefined, { "content-encoding": encoding })],
          [
            `${encoding}, a bomb`,
            () => sendBody(route.path, gzipSync(Buffer.alloc(mostBytes)), undefined, { "content-encoding": encoding }),
          ],
          [`${encoding}, another type`, () => sendBody(route.path, gzipSync(form), "application/gzip", { "content-encoding": encoding })],
          [`${encoding}, not packed`, () => sendBody(route.path, form, undefined, { "content-encoding": encoding })],
        ],
      );
      await expectRefusals(route, Object.fromEntries(calls), () => ({ status: 415, body: { code: "unsupported-media-type" } }));
      expect((await sendBody(route.path, form, undefined, { "content-encoding": "identity" })).status).toBe(200);
    }
  });
});
