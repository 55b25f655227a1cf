// Requests that are passed on: what arrives, what comes back, and who is told when one side goes away.
import { createHash } from "node:crypto";
import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

import { describe, expect, it, vi } from "vitest";

import { ask, askRaw, freePort, proxyServer, rawUpstream, signal, upstream } from "./upstreams.js";

const to = (...urls: string[]): { readonly targets: readonly { readonly name: string; readonly to: readonly string[] }[] } => ({
  targets: [{ name: "all", to: urls }],
});

describe("a request that is passed on", () => {
  it("arrives with its method, path, query, headers and body, and its reply comes back as it is", async () => {
    await using behind = await upstream((asked, reply) => {
      let text = "";
      asked.on("data", (chunk: Buffer) => (text += chunk.toString()));
      asked.on("end", () => {
        reply.writeHead(418, "Short and stout", ["X-Case", "Kept", "Set-Cookie", "a=1", "Set-Cookie", "b=2", "X-Request-Id", "theirs"]);
        reply.end(JSON.stringify({ method: asked.method, url: asked.url, host: asked.headers.host, own: asked.headers["x-own"], text }));
      });
    });
    await using server = await proxyServer(to(behind.url));
    const options = { method: "POST", headers: { host: "shop.test:99", "x-own": "1" } };
    const answer = await ask(`${server.url}/a//b%2fc?x=%20&y`, options, "the body");
    expect(answer.status).toBe(418);
    expect(JSON.parse(answer.text)).toEqual({ method: "POST", url: "/a//b%2fc?x=%20&y", host: "shop.test:99", own: "1", text: "the body" });
    expect(answer.headers["set-cookie"]).toEqual(["a=1", "b=2"]);
    expect(answer.rawHeaders).toContain("X-Case");
    expect(answer.headers["x-request-id"]).not.toContain("theirs");
    const line = server.logged.find((each) => each.startsWith("POST "))!;
    expect(line).toMatch(/^POST \/a\/\/b%2fc 418 /);
    expect(line).toContain(`"id":"${String(answer.headers["x-request-id"])}"`);
    expect(line).toContain(behind.url);
    expect(line).not.toContain("x=");
  });

  it.each(["GET", "HEAD", "OPTIONS", "DELETE", "PUT", "PATCH", "POST"])("%s without a body stays without one", async (method) => {
    await using behind = await upstream((asked, reply) => {
      const { "content-length": length, "transfer-encoding": encoding } = asked.headers;
      reply.setHeader("x-saw", JSON.stringify([asked.method, length ?? encoding ?? "none"])).end(method === "HEAD" ? undefined : "x");
    });
    await using server = await proxyServer(to(behind.url));
    const answer = await askRaw(server.port, `${method} / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    expect(answer).toContain(`x-saw: ["${method}","${/P/.test(method) && method !== "OPTIONS" ? "0" : "none"}"]`);
  });

  it("is chosen by host, then by path, then everything; the rest is served here", async () => {
    const named = (name: string) => upstream((_asked, reply) => void reply.end(name));
    await using byHost = await named("host");
    await using byPath = await named("path");
    await using rest = await named("rest");
    const targets = [
      { name: "rest", to: [rest.url] },
      { name: "path", to: [byPath.url], path: /^\/img\// },
      { name: "host", to: [byHost.url], host: /^img\.test$/ },
    ];
    await using server = await proxyServer({ targets });
    const of = async (path: string, host: string): Promise<string> => (await ask(`${server.url}${path}`, { headers: { host } })).text;
    expect(await of("/img/a", "IMG.test:80")).toBe("host");
    expect(await of("/img/a", "other.test")).toBe("path");
    expect(await of("/a?/img/", "img.test.evil")).toBe("rest");
    // Who watches this server asks about this server.
    expect(await of("/health/ready", "other.test")).toBe("{}");
    expect(await of("/health/ready", "img.test")).toBe("host");
    await using some = await proxyServer({ targets: [targets[1]!] });
    expect((await ask(`${some.url}/data/x`)).status).toBe(401);
  });

  it("reaches a Unix socket", async () => {
    const path = `/tmp/bk-proxy-${process.pid}.sock`;
    await using behind = await upstream((_asked, reply) => void reply.end("by a socket"), { path });
    await using server = await proxyServer(to(behind.url));
    expect((await ask(server.url)).text).toBe("by a socket");
  });

  it("streams a large body up and down without holding it", async () => {
    await using behind = await upstream((asked, reply) => void asked.pipe(reply));
    await using server = await proxyServer(to(behind.url));
    const chunk = Buffer.alloc(1024 * 1024, "x");
    const [sentHash, gotHash] = [createHash("sha256"), createHash("sha256")];
    const done = signal<number>();
    const sent = request(server.url, { method: "POST" }, (reply) => {
      let bytes = 0;
      reply.on("data", (part: Buffer) => {
        bytes += part.length;
        gotHash.update(part);
      });
      reply.on("end", () => done.tell(bytes));
    });
    for (let i = 0; i < 64; i++) {
      sentHash.update(chunk);
      if (!sent.write(chunk)) await new Promise((resolve) => sent.once("drain", resolve));
    }
    sent.end();
    expect(await done.told).toBe(64 * chunk.length);
    expect(gotHash.digest("hex")).toBe(sentHash.digest("hex"));
  });

  it("is refused with 413 when its body is too large, whether it says so or not", async () => {
    const aborted = signal();
    await using behind = await upstream((asked) => {
      asked.once("error", () => aborted.tell());
      asked.resume();
    });
    await using server = await proxyServer({ ...to(behind.url), maxBodyBytes: 1000 });
    expect((await ask(server.url, { method: "PUT" }, Buffer.alloc(1001))).status).toBe(413);
    const chunked = ask(server.url, { method: "PUT", headers: { "transfer-encoding": "chunked" } }, Buffer.alloc(5000));
    expect(await chunked).toMatchObject({ status: 413, headers: { connection: "close" } });
    await aborted.told;
  });

  it("that is refused by the upstream before its body is through gets that reply", async () => {
    await using behind = await upstream((_asked, reply) => void reply.writeHead(403, { connection: "close" }).end("no"));
    await using server = await proxyServer(to(behind.url));
    expect(await askRaw(server.port, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\nConnection: close\r\n\r\nsome")).toMatch(
      / 403 [^]*no/,
    );
  });

  it("has events passed on as they come", async () => {
    const more = signal();
    await using behind = await upstream((_asked, reply) => {
      reply.writeHead(200, { "content-type": "text/event-stream" });
      reply.write("data: 1\n\n");
      void more.told.then(() => reply.write("data: 2\n\n"));
    });
    // It may be silent for longer than others.
    await using server = await proxyServer({ ...to(behind.url), timeoutMs: 100 });
    const texts: string[] = [];
    const sent = request(server.url, (reply) =>
      reply.on("data", (chunk: Buffer) => texts.push(chunk.toString())).on("error", () => undefined),
    );
    sent.on("error", () => undefined).end();
    await vi.waitFor(() => expect(texts).toEqual(["data: 1\n\n"]));
    await sleep(300);
    more.tell();
    await vi.waitFor(() => expect(texts).toEqual(["data: 1\n\n", "data: 2\n\n"]));
    sent.destroy();
  });

  it("is given up at the upstream when the client goes, before and during the reply", async () => {
    for (const begins of [false, true]) {
      const [came, left] = [signal(), signal()];
      await using behind = await upstream((_asked, reply) => {
        reply.once("close", () => left.tell());
        if (begins) reply.write("some");
        came.tell();
      });
      await using server = await proxyServer(to(behind.url));
      const sent = request(server.url, (reply) => reply.on("error", () => undefined).resume());
      sent.on("error", () => undefined).end();
      await came.told;
      sent.destroy();
      await left.told;
      await vi.waitFor(() => expect(server.logged.some((line) => line.startsWith(`GET / ${begins ? 200 : 499} `))).toBe(true));
    }
  });

  it("is given up when the client goes in the middle of its body", async () => {
    const [came, left] = [signal(), signal()];
    await using behind = await upstream((asked) => {
      asked.once("data", () => came.tell());
      asked.once("error", () => left.tell());
    });
    await using server = await proxyServer(to(behind.url));
    const sent = request(server.url, { method: "POST", headers: { "content-length": 100 } });
    sent.on("error", () => undefined).write("some");
    await came.told;
    sent.destroy();
    await left.told;
  });

  it("has its reply cut when the upstream goes in the middle of it", async () => {
    await using behind = await upstream((_asked, reply) => {
      reply.writeHead(200, { "content-length": 100 });
      reply.write("some", () => reply.destroy());
    });
    await using server = await proxyServer(to(behind.url));
    expect(await ask(server.url)).toMatchObject({ status: 200, text: "some", isCut: true });
    // The end of the connection is that of this one, unless it breaks.
    await using without = await rawUpstream((socket) => {
      socket.once("data", () => void socket.write("HTTP/1.1 200 OK\r\n\r\nsome", () => setTimeout(() => socket.resetAndDestroy(), 50)));
    });
    await using other = await proxyServer(to(without.url));
    expect(await ask(other.url)).toMatchObject({ status: 200, text: "some", isCut: true });
  });

  it("gets the reply that a hook gives in its place, or goes on", async () => {
    await using behind = await upstream((_asked, reply) => void reply.end("passed on"));
    const seen: unknown[] = [];
    await using server = await proxyServer({
      ...to(behind.url),
      check(asked) {
        seen.push([asked.method, asked.target, asked.to, asked.address, asked.isUpgrade]);
        if (asked.target === "/reject") return Response.json({ message: "no" }, { status: 403 });
        if (asked.target === "/later") return Promise.resolve(new Response("later", { headers: { "x-by": "hook" } }));
        if (asked.target === "/throw") throw new Error("a fault with a secret");
        return undefined;
      },
    });
    expect(await ask(`${server.url}/reject`)).toMatchObject({ status: 403, text: '{"message":"no"}' });
    expect(await ask(`${server.url}/later`)).toMatchObject({ status: 200, text: "later", headers: { "x-by": "hook" } });
    expect((await ask(`${server.url}/go`)).text).toBe("passed on");
    const failed = await ask(`${server.url}/throw`);
    expect([failed.status, failed.text.includes("secret")]).toEqual([500, false]);
    expect(seen[0]).toEqual(["GET", "/reject", "all", "127.0.0.1", false]);
  });

  it("is refused by the rules for addresses, and while the server is too busy", async () => {
    await using behind = await upstream((_asked, reply) => void reply.end());
    const networks = [{ deny: ["10.0.0.0/8"] }, { allow: ["10.1.1.1"], paths: ["/inner/*"] }];
    await using server = await proxyServer(to(behind.url), { trustedProxies: ["127.0.0.1"], auth: { rules: { networks } } });
    const from = async (address: string, path: string): Promise<number> =>
      (await ask(`${server.url}${path}`, { headers: { "x-forwarded-for": address } })).status;
    expect(await from("192.168.1.1", "/")).toBe(200);
    expect(await from("10.0.0.1", "/")).toBe(403);
    expect(await from("192.168.1.1", "/inner/x")).toBe(403);

    const [came, go] = [signal(), signal()];
    await using slow = await upstream((_asked, reply) => {
      came.tell();
      void go.told.then(() => reply.end());
    });
    await using full = await proxyServer(to(slow.url), { limits: { maxRunning: 1 } });
    const first = ask(full.url);
    await came.told;
    expect(await ask(full.url)).toMatchObject({ status: 503, headers: { "retry-after": "1" } });
    go.tell();
    expect((await first).status).toBe(200);
  });

  it("is finished when the server ends, which says that the connection does too", async () => {
    const [came, go] = [signal(), signal()];
    await using behind = await upstream((_asked, reply) => {
      came.tell();
      void go.told.then(() => reply.end("done"));
    });
    await using server = await proxyServer(to(behind.url));
    const kept = ask(server.url, { headers: { connection: "keep-alive" } });
    await came.told;
    const closed = server.close();
    go.tell();
    expect(await kept).toMatchObject({ status: 200, text: "done" });
    await closed;
  });
});

describe("an upstream that fails", () => {
  it("is 502 when it takes no connection, breaks it, or does not speak HTTP", async () => {
    await using nobody = await proxyServer(to(`http://127.0.0.1:${await freePort()}`));
    expect(await ask(nobody.url)).toMatchObject({ status: 502, headers: { "content-type": "application/json" } });
    for (const bytes of [
      "",
      "SSH-2.0-x\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
      "HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n",
      `HTTP/1.1 200 OK\r\nX: ${"x".repeat(20_000)}\r\n\r\n`,
      "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
      "HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n",
    ]) {
      await using odd = await rawUpstream((socket) => void socket.once("data", () => socket.end(bytes, "latin1")));
      await using server = await proxyServer(to(odd.url));
      const answer = await ask(server.url);
      expect([bytes, answer.status, JSON.parse(answer.text)]).toEqual([bytes, 502, expect.objectContaining({ code: "bad-gateway" })]);
      expect(answer.text).not.toContain("127.0.0.1");
    }
  });

  it("is 504 when it is silent, and a reply that has begun is cut", async () => {
    const left = signal();
    await using behind = await upstream((asked, reply) => {
      reply.once("close", () => left.tell());
      if (asked.url === "/begins") reply.write("some");
    });
    await using server = await proxyServer({ ...to(behind.url), timeoutMs: 200 });
    expect(await ask(server.url)).toMatchObject({ status: 504 });
    await left.told;
    expect(await ask(`${server.url}/begins`)).toMatchObject({ status: 200, text: "some", isCut: true });
  });

  it("is 504 when no connection comes about in time", async () => {
    // Addresses of this network lead nowhere (RFC 5737); where a machine refuses them at once that is 502.
    await using server = await proxyServer({ ...to("http://192.0.2.1:81"), connectTimeoutMs: 200 });
    expect([502, 504]).toContain((await ask(server.url)).status);
  });

  it("is left alone for a while: 503 with when to come back", async () => {
    const port = await freePort();
    await using server = await proxyServer({ ...to(`http://127.0.0.1:${port}`), outMs: 60_000 });
    expect((await ask(server.url)).status).toBe(502);
    expect(await ask(server.url)).toMatchObject({ status: 503, headers: { "retry-after": "60" } });
  });

  it("is back after that while", async () => {
    const port = await freePort();
    await using server = await proxyServer({ ...to(`http://127.0.0.1:${port}`), outMs: 50 });
    expect((await ask(server.url)).status).toBe(502);
    await using _back = await upstream((_asked, reply) => void reply.end("back"), { port });
    await vi.waitFor(async () => expect((await ask(server.url)).text).toBe("back"));
  });

  it("that took no connection is replaced by another one, body and all, once", async () => {
    await using behind = await upstream((asked, reply) => void asked.pipe(reply));
    const away = `http://127.0.0.1:${await freePort()}`;
    await using server = await proxyServer({ ...to(away, behind.url), outMs: 60_000 });
    for (let i = 0; i < 4; i++) expect(await ask(server.url, { method: "POST" }, "body")).toMatchObject({ status: 200, text: "body" });
    expect(server.logged.filter((line) => line.startsWith("an upstream takes no connection"))).toHaveLength(1);
    const others = await Promise.all([freePort(), freePort(), freePort()]);
    await using none = await proxyServer(to(...others.map((port) => `http://127.0.0.1:${port}`)));
    expect((await ask(none.url)).status).toBe(502);
    expect(none.logged.filter((line) => line.startsWith("an upstream takes no connection"))).toHaveLength(2);
  });

  it("that took the request is not replaced: nobody knows what it has done", async () => {
    let count = 0;
    const breaking = (): ReturnType<typeof rawUpstream> =>
      rawUpstream(
        (socket) =>
          void socket.once("data", () => {
            count++;
            socket.destroy();
          }),
      );
    await using one = await breaking();
    await using other = await breaking();
    await using server = await proxyServer(to(one.url, other.url));
    for (const method of ["GET", "POST"]) expect((await ask(server.url, { method })).status).toBe(502);
    expect(count).toBe(2);
  });

  it("with a connection that was kept and is closed meanwhile gets what changes nothing once more", async () => {
    let [count, connections] = [0, 0];
    // It closes a connection with the second request, as servers do with idle ones.
    await using behind = await rawUpstream((socket) => {
      connections++;
      let own = 0;
      socket.on("data", () => {
        count++;
        if (own++ === 0) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        else socket.destroy();
      });
    });
    await using server = await proxyServer(to(behind.url));
    expect((await ask(server.url)).status).toBe(200);
    expect((await ask(server.url)).status).toBe(200);
    expect([count, connections]).toEqual([3, 2]);
    expect((await ask(server.url, { method: "DELETE" })).status).toBe(502);
  });

  it("has a bound of connections; beyond it requests wait, and then get 503", async () => {
    const go = signal();
    let open = 0;
    await using behind = await upstream((_asked, reply) => {
      open++;
      void go.told.then(() => reply.end());
    });
    await using server = await proxyServer({ ...to(behind.url), maxConnections: 2, connectTimeoutMs: 200 });
    const both = [ask(server.url), ask(server.url)];
    await vi.waitFor(() => expect(open).toBe(2));
    expect(await ask(server.url)).toMatchObject({ status: 503, headers: { "retry-after": "1" } });
    go.tell();
    expect((await Promise.all(both)).map(({ status }) => status)).toEqual([200, 200]);
    expect(open).toBe(2);
  });
});

describe("what could be read in two ways", () => {
  it.each([
    ["a length and chunks", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
    ["two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde"],
    ["a list of lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4, 4\r\n\r\nabcd"],
    ["a length with a sign", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +4\r\n\r\nabcd"],
    ["chunks that are packed", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"],
    ["chunks that are not the last", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"],
    ["a blank before the colon", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 4\r\n\r\nabcd"],
    ["a folded header", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n"],
    ["a NUL in a header", "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"],
    ["a line feed alone", "GET / HTTP/1.1\r\nHost: a\r\nX: a\nTransfer-Encoding: chunked\r\n\r\n"],
    ["two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"],
    ["no host", "GET / HTTP/1.1\r\n\r\n"],
    ["a host with a quote", 'GET / HTTP/1.1\r\nHost: a";by=x\r\n\r\n'],
    ["a host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"],
    ["a whole URL", "GET http://evil/ HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["dots", "GET /img/../x HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["dots that are escaped", "GET /img/%2e%2E/x HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["dots behind an escaped slash", "GET /img/..%2fx HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["dots behind a backslash", "GET /img\\..\\x HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["TRACE", "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["a version that there is not", "GET / HTTP/3.7\r\nHost: a\r\n\r\n"],
    ["a large head", `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(20_000)}\r\n\r\n`],
    ["a size of a chunk that is none", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"],
  ])("%s is refused, and what follows is not read", async (_what, bytes) => {
    const arrived: string[] = [];
    await using behind = await upstream((asked, reply) => {
      arrived.push(asked.url!);
      asked.on("error", () => undefined).resume();
      asked.on("end", () => reply.end("passed"));
    });
    await using server = await proxyServer(to(behind.url));
    const text = await askRaw(
      server.port,
      `${bytes.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")}GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`,
    );
    expect(text).toMatch(/^HTTP\/1\.1 (400|405|431|501|502) /);
    expect(text.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(text).not.toContain("passed");
    expect(arrived).not.toContain("/smuggled");
  });
});
