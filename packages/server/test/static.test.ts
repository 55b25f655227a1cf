// Files of folders, as a server sends them over sockets.

import { createHash, randomBytes } from "node:crypto";
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { get, type IncomingHttpHeaders, request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from "node:zlib";

import { accounts } from "@bk/modules";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { runHere, startServerProcess, temporaryFolder } from "./run-cli.js";
import { startServer, type TestServer } from "./start-server.js";

let folder: string;
let test: TestServer;
let url: string;
const big = randomBytes(3_000_000);
const secret = "the secret of this machine";

const at = (path: string): string => join(folder, path);
function write(path: string, content: string | Uint8Array): void {
  mkdirSync(join(at(path), ".."), { recursive: true });
  writeFileSync(at(path), content);
}

interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly text: string;
}

/** Sends a path as it stands, which `fetch` would change. */
function ask(path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const sent = request({ hostname, port, path, method, headers, agent: false }, (reply) => {
      const chunks: Buffer[] = [];
      reply.on("data", (chunk: Buffer) => chunks.push(chunk));
      reply.on("error", reject);
      reply.on("end", () => {
        const bytes = Buffer.concat(chunks);
        resolve({ status: reply.statusCode!, headers: reply.headers, bytes, text: bytes.toString() });
      });
    });
    sent.on("error", reject).end();
  });
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "bk-static-"));
  write("secret.txt", secret);
  write("web/index.html", "<h1>front</h1>");
  write("web/app.js", "let app;");
  write("web/a b/ä.txt", "umlaut");
  write("web/sub/index.html", "<h1>sub</h1>");
  write("web/empty.txt", "");
  write("web/big.bin", big);
  write("web/about.html", "about");
  write("web/app-3f9a2b1c.js", "hashed");
  write("web/app-K7XQ2M4A.css", "hashed");
  write("web/photo-20240131.jpg", "date");
  write("web/live.json", "{}");
  write("web/model.own", "own");
  write("web/packed.js", "packed ".repeat(100));
  write("web/packed.js.br", brotliCompressSync("packed ".repeat(100)));
  write("web/packed.js.gz", gzipSync("packed ".repeat(100)));
  write("web/stale.js", "new");
  write("web/stale.js.gz", gzipSync("old"));
  utimesSync(at("web/stale.js.gz"), 1, 1);
  write("web/.env", secret);
  write("web/.git/config", secret);
  write("web/.well-known/security.txt", "Contact: x");
  write("web/data/select/city", "shadow");
  write("web/account/get", "shadow");
  write("web/ping", "shadow");
  write("web/only-first.txt", "first");
  write("more/app.js", "not this one");
  write("more/only-second.txt", "second");
  write("web2/secret.txt", secret);
  write("shop/index.html", "shop");
  write("outside/secret.txt", secret);
  symlinkSync(at("secret.txt"), at("web/link.txt"));
  symlinkSync(at("outside"), at("web/linked"));
  symlinkSync("../../../../../../../../etc/passwd", at("web/passwd"));
  symlinkSync(".env", at("web/env"));
  symlinkSync(".git", at("web/git"));
  symlinkSync("app.js", at("web/inside.js"));
  symlinkSync("loop", at("web/loop"));
  symlinkSync("/dev/zero", at("web/zero"));
  linkSync(at("web/about.html"), at("web/same.html"));
  const hosts = [
    { host: "shop.example.com", roots: [at("shop")] },
    { host: "*.wild.example.com", roots: [at("more")] },
    { host: /m\d+\.example\.com/, roots: [at("more")] },
  ];
  test = await startServer({
    modules: [accounts()],
    static: { roots: [at("web"), at("more")], hosts, extensions: ["html"], noStore: /^live\./, types: { own: "model/own" } },
  });
  ({ url } = await test.server.listen({ port: 0 }));
});
afterAll(async () => {
  await test.server.close();
  rmSync(folder, { recursive: true });
});

describe("files of a server", () => {
  it.each([
    ["/", "<h1>front</h1>", "text/html; charset=utf-8"],
    ["/app.js?v=1", "let app;", "text/javascript; charset=utf-8"],
    ["/a%20b/%C3%A4.txt", "umlaut", "text/plain; charset=utf-8"],
    ["/sub/", "<h1>sub</h1>", "text/html; charset=utf-8"],
    ["/about", "about", "text/html; charset=utf-8"],
    ["/empty.txt", "", "text/plain; charset=utf-8"],
    ["/only-second.txt", "second", "text/plain; charset=utf-8"],
    ["/inside.js", "let app;", "text/javascript; charset=utf-8"],
    ["/model.own", "own", "model/own"],
    ["/.well-known/security.txt", "Contact: x", "text/plain; charset=utf-8"],
  ])("%s is sent to everybody", async (path, text, type) => {
    const reply = await ask(path);
    expect([reply.status, reply.text, reply.headers["content-type"], reply.headers["content-length"]]).toEqual([
      200,
      text,
      type,
      String(Buffer.byteLength(text)),
    ]);
    expect(reply.headers).toMatchObject({
      "x-content-type-options": "nosniff",
      "accept-ranges": "bytes",
      etag: expect.stringMatching(/^"[\w-]+"$/),
      "x-request-id": expect.any(String),
    });
  });

  it("has a folder without a slash asked for again with it, on this server", async () => {
    const reply = await ask("/sub?a=1");
    expect([reply.status, reply.headers.location]).toEqual([308, "/sub/?a=1"]);
  });

  it("tells of a file without sending it, and takes no other method", async () => {
    const reply = await ask("/big.bin", {}, "HEAD");
    expect([reply.status, reply.headers["content-length"], reply.text]).toEqual([200, String(big.length), ""]);
    for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
      expect((await ask("/app.js", {}, method)).text).not.toContain("let app");
  });

  it("are never in the way of the API", async () => {
    for (const path of ["/data/select/city", "/account/get", "/ping", "/openapi.json", "/auth", "/login"]) {
      const reply = await ask(path);
      expect([path, reply.text]).toEqual([path, expect.not.stringContaining("shadow")]);
      expect(reply.headers["content-type"]).toMatch(/^application\/json/);
    }
    expect((await ask("/none")).status).toBe(401);
    expect((await test.call("bob", "/none")).status).toBe(404);
  });
});

describe("parts of a file", () => {
  it.each([
    ["bytes=0-0", 206, "l", "bytes 0-0/8"],
    ["bytes=4-", 206, "app;", "bytes 4-7/8"],
    ["bytes=-4", 206, "app;", "bytes 4-7/8"],
    ["bytes=4-100", 206, "app;", "bytes 4-7/8"],
    ["bytes=-100", 206, "let app;", "bytes 0-7/8"],
    ["bytes=8-", 416, "", "bytes */8"],
    ["bytes=-0", 416, "", "bytes */8"],
    ["bytes=5-4", 200, "let app;", undefined],
    ["bytes=0-1,3-4", 200, "let app;", undefined],
    ["bytes=abc", 200, "let app;", undefined],
    ["lines=0-1", 200, "let app;", undefined],
    ["bytes=99999999999999999999-", 200, "let app;", undefined],
  ])("%s", async (range, status, text, content) => {
    const reply = await ask("/app.js", { range });
    expect([reply.status, reply.text, reply.headers["content-range"]]).toEqual([status, text, content]);
  });

  it("are of a large file what was asked for", async () => {
    const reply = await ask("/big.bin", { range: "bytes=1000000-2999998" });
    expect([reply.status, reply.bytes.equals(big.subarray(1_000_000, 2_999_999))]).toEqual([206, true]);
    const hash = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
    expect(hash((await ask("/big.bin")).bytes)).toBe(hash(big));
  });

  it("are sent only while the file is the same", async () => {
    const { etag, "last-modified": date } = (await ask("/app.js")).headers;
    const status = async (condition: string): Promise<number> =>
      (await ask("/app.js", { range: "bytes=0-1", "if-range": condition })).status;
    expect([
      await status(etag!),
      await status(date!),
      await status('"other"'),
      await status(`W/${etag}`),
      await status("Thu, 01 Jan 1970 00:00:00 GMT"),
    ]).toEqual([206, 206, 200, 200, 200]);
  });
});

describe("conditions", () => {
  it("spare what the client has", async () => {
    const { etag, "last-modified": date } = (await ask("/app.js")).headers;
    const later = new Date(Date.parse(date!) + 5000).toUTCString();
    const earlier = new Date(Date.parse(date!) - 5000).toUTCString();
    const cases: [Record<string, string>, number][] = [
      [{ "if-none-match": etag! }, 304],
      [{ "if-none-match": `W/${etag}, "x"` }, 304],
      [{ "if-none-match": "*" }, 304],
      [{ "if-none-match": '"x"' }, 200],
      [{ "if-none-match": '"x"', "if-modified-since": later }, 200],
      [{ "if-modified-since": date! }, 304],
      [{ "if-modified-since": later }, 304],
      [{ "if-modified-since": earlier }, 200],
      [{ "if-modified-since": "no date" }, 200],
      [{ "if-match": etag! }, 200],
      [{ "if-match": "*" }, 200],
      [{ "if-match": '"x"' }, 412],
      [{ "if-match": `W/${etag}` }, 412],
      [{ "if-unmodified-since": earlier }, 412],
      [{ "if-unmodified-since": date! }, 200],
      [{ "if-none-match": etag!, range: "bytes=0-1" }, 304],
    ];
    for (const [headers, status] of cases) expect([headers, (await ask("/app.js", headers)).status]).toEqual([headers, status]);
    const kept = await ask("/app.js", { "if-none-match": etag! });
    expect([kept.text, kept.headers.etag, kept.headers["content-length"], kept.headers["cache-control"]]).toEqual([
      "",
      etag,
      undefined,
      "public, max-age=0, must-revalidate",
    ]);
  });

  it("notice that a file has changed", async () => {
    write("web/changing.txt", "one");
    const { etag } = (await ask("/changing.txt")).headers;
    write("web/changing.txt", "two");
    utimesSync(at("web/changing.txt"), new Date(), new Date(Date.now() + 10_000));
    expect(await ask("/changing.txt", { "if-none-match": etag! })).toMatchObject({ status: 200, text: "two" });
  });
});

describe("how long a file is kept", () => {
  it.each([
    ["/app.js", "public, max-age=0, must-revalidate"],
    ["/app-3f9a2b1c.js", "public, max-age=31536000, immutable"],
    ["/app-K7XQ2M4A.css", "public, max-age=31536000, immutable"],
    ["/photo-20240131.jpg", "public, max-age=0, must-revalidate"],
    ["/live.json", "no-store"],
  ])("%s", async (path, header) => {
    const { headers } = await ask(path);
    expect([headers["cache-control"], headers.etag === undefined]).toEqual([header, header === "no-store"]);
  });
});

describe("packed files", () => {
  const plain = "packed ".repeat(100);
  it.each([
    ["br, gzip", "br", brotliDecompressSync],
    ["gzip", "gzip", gunzipSync],
    ["gzip;q=0.5, br;q=0", "gzip", gunzipSync],
    ["*", "br", brotliDecompressSync],
  ] as const)("are sent to who takes %s", async (accepted, encoding, unpack) => {
    const reply = await ask("/packed.js", { "accept-encoding": accepted });
    expect([reply.headers["content-encoding"], reply.headers["content-type"], reply.headers.vary?.toLowerCase()]).toEqual([
      encoding,
      "text/javascript; charset=utf-8",
      "accept-encoding",
    ]);
    expect(unpack(reply.bytes).toString()).toBe(plain);
  });

  it.each(["", "identity", "deflate", "br;q=0, gzip;q=0", "*;q=0"])("are not sent to who takes %j", async (accepted) => {
    const reply = await ask("/packed.js", { "accept-encoding": accepted });
    expect([reply.headers["content-encoding"], reply.text]).toEqual([undefined, plain]);
  });

  it("are not sent when they are older than the file, and have tags of their own", async () => {
    expect(await ask("/stale.js", { "accept-encoding": "gzip" })).toMatchObject({ text: "new" });
    const tags = await Promise.all(
      ["br", "gzip", ""].map(async (each) => (await ask("/packed.js", { "accept-encoding": each })).headers.etag),
    );
    expect(new Set(tags).size).toBe(3);
  });
});

describe("what is not for everybody", () => {
  const tricks = [
    "/.env",
    "/%2eenv",
    "/%2Eenv",
    "/.git/config",
    "/x/../.env",
    "/env",
    "/git/config",
    "/link.txt",
    "/linked/secret.txt",
    "/linked/",
    "/passwd",
    "/zero",
    "/loop",
    "/../secret.txt",
    "/..%2fsecret.txt",
    "/%2e%2e/secret.txt",
    "/%2e%2e%2fsecret.txt",
    "/%252e%252e/secret.txt",
    "/%252e%252e%252fsecret.txt",
    "/..%5csecret.txt",
    "/..\\secret.txt",
    "/%5c..%5csecret.txt",
    "/sub/../../secret.txt",
    "/sub/%2e%2e/%2e%2e/secret.txt",
    "/sub/..;/../secret.txt",
    "/....//secret.txt",
    "/..././secret.txt",
    "//secret.txt",
    "///etc/passwd",
    "/%2fetc/passwd",
    "/etc/passwd",
    "/%c0%ae%c0%ae/secret.txt",
    "/%c0%ae%c0%ae%c0%afsecret.txt",
    "/%e0%80%ae%e0%80%ae/secret.txt",
    "/%uff0e%uff0e/secret.txt",
    "/\uff0e\uff0e/secret.txt".replaceAll("\uff0e", "%EF%BC%8E"),
    "/%E2%80%A5/secret.txt",
    "/%EF%BC%8Eenv",
    "/app.js%00.html",
    "/app.js%00",
    "/secret.txt%00.js",
    "/%00",
    "/app.js%0d%0ax:y",
    "/app.js::$DATA",
    "/app.js%3a%3a$DATA",
    "/app.js.",
    "/app.js%20",
    "/app.js/",
    "/app.js/.",
    "/app.js/..",
    "/../web2/secret.txt",
    "/..%2fweb2/secret.txt",
    `${folderless()}`,
    "/ABOUT.HTML",
    "/App.js",
    "/%41pp.js",
    "/APP.JS",
    "/.ENV",
    "/a%CC%88.txt",
    "/\u212a".replace("\u212a", "%E2%84%AA"),
    "http://127.0.0.1/app.js/../.env",
    "/app.js?/../../secret.txt/%00",
  ];
  function folderless(): string {
    return `/${"../".repeat(20)}etc/passwd`;
  }

  it.each(tricks)("%s", async (path) => {
    const reply = await ask(path);
    expect(reply.text).not.toContain(secret);
    expect(reply.text).not.toContain("root:");
    if (path.startsWith("/app.js?")) return expect(reply.text).toBe("let app;");
    expect([400, 401, 404]).toContain(reply.status);
    expect(reply.text).not.toContain("let app");
  });

  it("is refused when it is written to the socket by hand", async () => {
    const { hostname, port } = new URL(url);
    const raw = (target: string): Promise<string> =>
      new Promise((resolve, reject) => {
        let text = "";
        const socket = connect(Number(port), hostname, () =>
          socket.write(`GET ${target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`, "latin1"),
        );
        socket
          .on("data", (chunk) => (text += chunk.toString("latin1")))
          .on("end", () => resolve(text))
          .on("error", reject);
      });
    for (const target of [
      "/../secret.txt",
      "/..\\secret.txt",
      "\\..\\secret.txt",
      "/\xc0\xae\xc0\xae/secret.txt",
      "/\x00.env",
      "../secret.txt",
      "*",
      "/.\x00./secret.txt",
    ]) {
      const text = await raw(target);
      expect([target, /^HTTP\/1\.1 (400|401|404)/.test(text)]).toEqual([target, true]);
      expect(text).not.toContain(secret);
    }
  });
});

describe("hosts", () => {
  it.each([
    ["shop.example.com", "/", "shop"],
    ["SHOP.EXAMPLE.COM:8080", "/", "shop"],
    ["shop.example.com.:8080", "/", "shop"],
    ["a.wild.example.com", "/only-second.txt", "second"],
    ["m12.example.com", "/only-second.txt", "second"],
    ["other.example.com", "/only-first.txt", "first"],
  ])("%s has files of its own", async (host, path, text) => {
    expect(await ask(path, { host })).toMatchObject({ status: 200, text });
  });

  it.each([
    ["shop.example.com", "/app.js"],
    ["wild.example.com", "/index.html?"],
    ["xm12.example.com.evil", "/index.html?"],
    ["../web2", "/secret.txt"],
    ["shop.example.com/../../web2", "/secret.txt"],
  ])("%s leads to no others (%s)", async (host, path) => {
    const { text } = await ask(path, { host });
    expect(text).not.toMatch(/let app|second|shop/);
    expect(text).not.toContain(secret);
  });
});

describe("a client that goes", () => {
  it("leaves no file open", async () => {
    const open = (): number =>
      readdirSync("/proc/self/fd").filter((fd) => {
        try {
          return readlinkSync(`/proc/self/fd/${fd}`).endsWith("big.bin");
        } catch {
          // It was closed meanwhile.
          return false;
        }
      }).length;
    if (process.platform !== "linux") return;
    const replies = Array.from(
      { length: 10 },
      () =>
        new Promise<void>((resolve, reject) => {
          const sent = get(`${url}/big.bin`, { agent: false }, (reply) => {
            // Read a little, so that it is in the middle.
            reply.once("data", () => {
              reply.destroy();
              resolve();
            });
          });
          sent.on("error", reject);
        }),
    );
    await Promise.all(replies);
    await expect.poll(open, { timeout: 10_000 }).toBe(0);
  });
});

describe("bk-server with files", () => {
  it("sends those of --web, which a network that is refused does not get", async () => {
    using home = temporaryFolder();
    const settings = ["--home", home.path, "--port", "0", "--modules", "none", "--log-level", "error", "--web", at("more")];
    await using server = await startServerProcess(settings);
    expect(await (await fetch(`${server.url}/only-second.txt`)).text()).toBe("second");
    await server.stop();
    await using closed = await startServerProcess([...settings, "--deny-ip", "127.0.0.0/8"]);
    const refused = await fetch(`${closed.url}/only-second.txt`);
    expect([refused.status, await refused.text()]).toEqual([403, expect.not.stringContaining("second")]);
  });

  it("bundles scripts with hashes in their names, packed too, which are sent", async () => {
    using home = temporaryFolder();
    writeFileSync(home.file("app.ts"), `import { text } from "./text.js";\nconst shown: string = text;\nconsole.log(shown);\n`);
    writeFileSync(home.file("text.ts"), `export const text = ${JSON.stringify("long ".repeat(500))};\n`);
    writeFileSync(home.file("app.css"), "body { color: red }");
    const { code, stdout } = await runHere(["bundle", "app.ts", "app.css", "--out", "web"], { cwd: home.path });
    expect([code, stdout]).toEqual([0, expect.stringMatching(/app-[A-Z0-9]{8}\.js \d+ bytes/)]);
    const names = JSON.parse(readFileSync(home.file("web/manifest.json"), "utf8")) as Record<string, string>;
    expect(Object.keys(names).sort()).toEqual(["app.css", "app.js"]);
    const script = readFileSync(home.file(`web/${names["app.js"]!}`), "utf8");
    expect(brotliDecompressSync(readFileSync(home.file(`web/${names["app.js"]!}.br`))).toString()).toBe(script);
    await using server = await startServer({ static: { roots: [home.file("web")] } });
    const reply = await server.server.app.request(`/${names["app.js"]!}`, { headers: { "accept-encoding": "br" } });
    expect([reply.status, reply.headers.get("content-encoding"), reply.headers.get("cache-control")]).toEqual([
      200,
      "br",
      "public, max-age=31536000, immutable",
    ]);
    expect((await runHere(["bundle", "none.ts"], { cwd: home.path })).code).toBe(1);
  });
});

describe("views", () => {
  const engine = (file: string, data: object): string => `${readFileSync(file, "utf8")} ${JSON.stringify(data)}`;

  it("are pages of a template and data", async () => {
    await using server = await startServer({ views: { dir: at("web"), engine } });
    const reply = await server.server.view("sub/index", { name: "Ann" });
    expect([await reply.text(), reply.headers.get("content-type")]).toEqual(['<h1>sub</h1> {"name":"Ann"}', "text/html; charset=utf-8"]);
    expect(await (await server.server.view("app.js")).text()).toBe("let app; {}");
  });

  it.each(["none", "../secret.txt", "..%2fsecret.txt", ".env", "link.txt", "passwd", "", "sub/", "a\0b", "/app.js", "env"])(
    "are none outside of their folder: %j",
    async (name) => {
      await using server = await startServer({ views: { dir: at("web"), engine } });
      await expect(server.server.view(name)).rejects.toMatchObject({ code: "not-found" });
    },
  );

  it("are refused where there are none", async () => {
    await expect(test.server.view("x")).rejects.toMatchObject({ code: "unsupported" });
    await expect(startServer({ views: { dir: at("none"), engine } })).rejects.toMatchObject({
      code: "invalid",
      detail: { field: "views" },
    });
  });
});

describe("options of files", () => {
  it.each([
    [{ roots: [] }, "roots is empty"],
    [{ roots: ["/none/of/this"] }, "cannot be read"],
    [{ roots: ["."], index: "../x" }, "index"],
    [{ roots: ["."], maxAgeMs: -1 }, "maxAgeMs"],
    [{ roots: ["."], noStore: /x/g }, "flags g and y"],
  ])("%j are refused", async (options, message) => {
    await expect(startServer({ static: options })).rejects.toMatchObject({
      code: "invalid",
      detail: { field: "static" },
      message: expect.stringContaining(message),
    });
  });
});
