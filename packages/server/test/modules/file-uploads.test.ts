// Files that are the body of their request: they go to the disk while they arrive.

import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { signRequest, signUrl } from "@bk/auth";
import { files } from "@bk/modules";
import { s3Storage } from "@bk/modules/storage";
import { describe, expect, it } from "vitest";

import { startS3 } from "../../../modules/test/start-s3.js";
import { Uploads } from "../../src/request/upload.js";
import type { ServerOptions } from "../../src/index.js";
import { origin, startServer, type TestServer } from "../start-server.js";

const mib = 1024 * 1024;
const path = (name: string): string => `/file/put?prefix=big&name=${name}`;

const typed = (contentType: string): { method: "POST"; contentType: string; headers: { "content-type": string } } => ({
  method: "POST",
  contentType,
  headers: { "content-type": contentType },
});

interface Home {
  readonly test: TestServer;
  /** What lies in the folder of uploads. */
  readonly arriving: () => string[];
}

async function start(options: Partial<ServerOptions> = {}, maxUploadBytes = 40 * mib): Promise<Home & AsyncDisposable> {
  const home = mkdtempSync(join(tmpdir(), "bk-uploads-"));
  const test = await startServer({ modules: [files({ maxUploadBytes, maxFileBytes: 1000 })], home, ...options });
  const folder = join(home, "var", "uploads");
  return {
    test,
    arriving: () => (existsSync(folder) ? readdirSync(folder) : []),
    [Symbol.asyncDispose]: () => test[Symbol.asyncDispose](),
  };
}

async function bytesAt(test: TestServer, name: string): Promise<Buffer | number> {
  const url = await signUrl({
    method: "GET",
    url: `${origin}/file/get?prefix=big&name=${name}`,
    login: "bob",
    secret: "secret of bob",
  });
  const response = await test.server.app.fetch(new Request(url));
  return response.status === 200 ? Buffer.from(await response.arrayBuffer()) : response.status;
}

/** A body of unknown length, which counts what is taken of it. */
function streamOf(parts: number, part: Uint8Array): { readonly body: ReadableStream<Uint8Array>; readonly taken: () => number } {
  let taken = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (taken++ < parts) controller.enqueue(part);
        else controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  return { body, taken: () => taken };
}

describe("files that are the body of their request", () => {
  it.each(["a folder", "a bucket"])("are kept in %s as they were sent, with their type by what is in them", async (where) => {
    await using s3 = where === "a bucket" ? await startS3() : undefined;
    const storage = s3 === undefined ? {} : { storage: s3Storage(s3.options) };
    await using home = await start({ modules: [files({ maxFileBytes: 1000, ...storage })] });
    const { test, arriving } = home;
    // No type begins like this.
    const large = Buffer.concat([Buffer.alloc(64, 1), randomBytes(20 * mib)]);
    const texts = "ä text\n".repeat(100_000);
    const gif = Buffer.concat([Buffer.from("GIF89a"), randomBytes(5000)]);
    for (const [name, body, type] of [
      ["large.bin", large, "application/octet-stream"],
      ["text.txt", Buffer.from(texts), "text/plain"],
      ["lies.txt", gif, "image/gif"],
      ["broken.txt", Buffer.concat([Buffer.from(texts), Buffer.of(0xff)]), "application/octet-stream"],
    ] as const) {
      const reply = await test.call("bob", path(name), { body, ...typed("image/jpeg") });
      expect([name, reply.status, reply.body["size"], reply.body["type"]]).toEqual([name, 200, body.length, type]);
      const sha256 = createHash("sha256").update(body).digest("hex");
      expect(
        createHash("sha256")
          .update((await bytesAt(test, name)) as Buffer)
          .digest("hex"),
      ).toBe(sha256);
    }
    expect(arriving()).toEqual([]);
  });

  it("are refused where the signature does not cover them, and nothing of them stays", async () => {
    await using home = await start();
    const { test, arriving } = home;
    const body = randomBytes(mib);
    const sent = typed("application/octet-stream");
    expect((await test.call("bob", path("a.bin"), { ...sent, body, checksum: false })).status).toBe(400);
    const headers = await signRequest({ ...sent, url: origin + path("a.bin"), login: "bob", secret: "secret of bob", body });
    const other = new Request(origin + path("a.bin"), {
      method: "POST",
      headers: { ...headers, ...sent.headers },
      body: randomBytes(mib),
    });
    expect((await test.server.app.fetch(other)).status).toBe(400);
    expect([await bytesAt(test, "a.bin"), arriving()]).toEqual([404, []]);
  });

  it("are not read before it is known who sends them", async () => {
    await using home = await start();
    const { body, taken } = streamOf(10, randomBytes(mib));
    const unsigned = { method: "POST", headers: { "content-type": "application/octet-stream" }, body, duplex: "half" } as const;
    const reply = await home.test.server.app.fetch(new Request(origin + path("a.bin"), unsigned));
    expect([reply.status, taken(), home.arriving()]).toEqual([401, 0, []]);
  });

  it("are refused when they are larger than is taken, also where their length is not said", async () => {
    await using home = await start({ auth: { allowUncoveredBody: true } }, 3 * mib);
    const { test, arriving } = home;
    const sent = typed("application/octet-stream");
    expect((await test.call("bob", path("a.bin"), { body: randomBytes(3 * mib), ...sent })).status).toBe(200);
    expect((await test.call("bob", path("b.bin"), { body: randomBytes(3 * mib + 1), ...sent })).status).toBe(413);
    const { body, taken } = streamOf(100, randomBytes(mib));
    const url = origin + path("c.bin");
    const headers = await signRequest({ ...sent, url, login: "bob", secret: "secret of bob" });
    const endless = { method: "POST", headers: { ...headers, ...sent.headers }, body, duplex: "half" } as const;
    const reply = await test.server.app.fetch(new Request(url, endless));
    expect(reply.status).toBe(413);
    expect(taken()).toBeLessThan(10);
    expect([await bytesAt(test, "b.bin"), await bytesAt(test, "c.bin"), arriving()]).toEqual([404, 404, []]);
  });

  it("say what is wrong: two files, no name, packed bodies, and endpoints that take none", async () => {
    await using home = await start();
    const { test } = home;
    const sent = { body: randomBytes(100), ...typed("application/octet-stream") };
    for (const [wrong, status, field] of [
      [`${path("a.bin")}&text=x`, 400, "text"],
      ["/file/put?prefix=big", 400, "name"],
      ["/file/put?prefix=..&name=a", 400, "prefix"],
    ] as const) {
      const reply = await test.call("bob", wrong, sent);
      expect([wrong, reply.status, reply.body["field"]]).toEqual([wrong, status, field]);
    }
    expect((await test.call("bob", path("a.bin"), { ...sent, headers: { ...sent.headers, "content-encoding": "gzip" } })).status).toBe(415);
    expect((await test.call("bob", "/file/del?prefix=big&name=a.bin", sent)).status).toBe(415);
    expect(home.arriving()).toEqual([]);
  });

  it("leave nothing when their sender breaks off", async () => {
    await using home = await start({ auth: { allowUncoveredBody: true } });
    const { test, arriving } = home;
    const listener = await test.server.listen({ port: 0 });
    const url = `http://127.0.0.1:${listener.port}${path("half.bin")}`;
    const sent = typed("application/octet-stream");
    const headers = await signRequest({ ...sent, url, login: "bob", secret: "secret of bob" });
    const sending = request(url, { method: "POST", headers: { ...headers, ...sent.headers, "content-length": 10 * mib } });
    sending.on("error", () => undefined);
    sending.write(randomBytes(2 * mib));
    while (arriving().length === 0) await sleep(5);
    sending.destroy();
    while (arriving().length > 0) await sleep(5);
    expect(await bytesAt(test, "half.bin")).toBe(404);
  });
});

describe("the folder of uploads", () => {
  it("gives every hash, and loses what a server that was killed has left a day ago", async () => {
    const folder = mkdtempSync(join(tmpdir(), "bk-uploads-"));
    for (const name of ["old.part", "new.part"]) writeFileSync(join(folder, name), "x");
    const before = Date.now() / 1000 - 90_000;
    utimesSync(join(folder, "old.part"), before, before);
    const body = randomBytes(200_000);
    const upload = new Uploads(folder).of(new Request(origin, { method: "POST", body, headers: { "content-type": "a/b" } }), mib)!;
    for (const [algorithm, name] of [
      ["SHA-1", "sha1"],
      ["SHA-256", "sha256"],
      ["SHA-512", "sha512"],
    ] as const)
      expect(await upload.hash(algorithm)).toBe(createHash(name).update(body).digest("base64"));
    expect(readdirSync(folder)).toHaveLength(2);
    await upload.remove();
    expect(readdirSync(folder)).toEqual(["new.part"]);
  });
});
