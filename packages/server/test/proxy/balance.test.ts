// Which of several upstreams gets a request.
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";

import { describe, expect, it, vi } from "vitest";

import { certificate, certificateKey } from "../../../modules/test/certificate.js";
import { ask, freePort, proxyServer, signal, upstream } from "./upstreams.js";

const named = (name: string): ReturnType<typeof upstream> => upstream((_asked, reply) => void reply.end(name));

describe("several upstreams", () => {
  it("take requests in turn", async () => {
    await using a = await named("a");
    await using b = await named("b");
    await using server = await proxyServer({ targets: [{ name: "all", to: [a.url, b.url] }] });
    const texts: string[] = [];
    for (let i = 0; i < 4; i++) texts.push((await ask(server.url)).text);
    expect(texts).toEqual(["a", "b", "a", "b"]);
  });

  it("get a request where there are the fewest, if that is asked for", async () => {
    const go = signal();
    let waiting = 0;
    const slow = (name: string): ReturnType<typeof upstream> =>
      upstream((asked, reply) => {
        if (asked.url !== "/slow") return void reply.end(name);
        waiting++;
        return void go.told.then(() => reply.end(name));
      });
    await using a = await slow("a");
    await using b = await slow("b");
    await using server = await proxyServer({ targets: [{ name: "all", to: [a.url, b.url] }], balance: "least-connections" });
    const first = ask(`${server.url}/slow`);
    await vi.waitFor(() => expect(waiting).toBe(1));
    const texts = new Set<string>();
    for (let i = 0; i < 3; i++) texts.add((await ask(server.url)).text);
    go.tell();
    expect(texts.size).toBe(1);
    expect(texts.has((await first).text)).toBe(false);
  });

  it("keep a client by its cookie, until its upstream is away", async () => {
    await using a = await named("a");
    const b = await named("b");
    const targets = [{ name: "shop", to: [a.url, b.url] }];
    await using server = await proxyServer({ targets, sticky: "cookie" });
    await ask(server.url);
    const { text, headers } = await ask(server.url);
    expect(text).toBe("b");
    const [set] = headers["set-cookie"]!;
    expect(set).toMatch(/^bk_proxy_shop=[0-9a-f]{16}; Path=\/; HttpOnly; SameSite=Lax$/);
    const cookie = `x=1; ${set!.split(";")[0]!}`;
    for (let i = 0; i < 3; i++) {
      const kept = await ask(server.url, { headers: { cookie } });
      expect([kept.text, kept.headers["set-cookie"]]).toEqual(["b", undefined]);
    }
    await b[Symbol.asyncDispose]();
    const moved = await ask(server.url, { headers: { cookie } });
    expect([moved.text, moved.headers["set-cookie"]?.[0]?.startsWith("bk_proxy_shop=")]).toEqual(["a", true]);
  });

  it("keep a client by its address, and the clients of others stay when one goes", async () => {
    const all = await Promise.all(["a", "b", "c"].map(named));
    const targets = [{ name: "all", to: all.map(({ url }) => url) }];
    await using server = await proxyServer({ targets, sticky: "address", outMs: 60_000 }, { trustedProxies: ["127.0.0.1"] });
    const addresses = Array.from({ length: 20 }, (_each, i) => `10.0.0.${i}`);
    const where = async (): Promise<string[]> => {
      const texts: string[] = [];
      for (const address of addresses) texts.push((await ask(server.url, { headers: { "x-forwarded-for": address } })).text);
      return texts;
    };
    const first = await where();
    expect(new Set(first).size).toBe(3);
    expect(await where()).toEqual(first);
    await all[2]![Symbol.asyncDispose]();
    const after = await where();
    expect(after).not.toContain("c");
    for (const [i, name] of first.entries()) if (name !== "c") expect(after[i]).toBe(name);
    await Promise.all(all.slice(0, 2).map((each) => each[Symbol.asyncDispose]()));
  });

  it("get nothing while they do not answer their check, and again once they do", async () => {
    let isWell = false;
    await using a = await named("a");
    await using b = await upstream((asked, reply) => {
      if (asked.url === "/check") reply.statusCode = isWell ? 204 : 500;
      reply.end(asked.url === "/check" ? undefined : "b");
    });
    const health = { path: "/check", intervalMs: 20 };
    await using server = await proxyServer({ targets: [{ name: "all", to: [a.url, b.url] }], health });
    await vi.waitFor(() => expect(server.logged.some((line) => line.startsWith("an upstream is not well"))).toBe(true));
    for (let i = 0; i < 4; i++) expect((await ask(server.url)).text).toBe("a");
    isWell = true;
    await vi.waitFor(async () => expect((await ask(server.url)).text).toBe("b"));
    await using none = await proxyServer({ targets: [{ name: "all", to: [`http://127.0.0.1:${await freePort()}`] }], health });
    await vi.waitFor(async () => expect((await ask(none.url)).status).toBe(503));
  });
});

describe("an upstream of https", () => {
  it("is reached where its certificate is verified, by its own name, and not otherwise", async () => {
    const names: unknown[] = [];
    const behind = createTlsServer(
      { key: certificateKey, cert: certificate, SNICallback: (name, done) => (names.push(name), done(null)) },
      (asked, reply) => {
        reply.end(`${asked.headers.host} by TLS`);
      },
    );
    await new Promise<void>((resolve) => void behind.listen(0, "0.0.0.0", resolve));
    try {
      const url = `https://localhost:${(behind.address() as AddressInfo).port}`;
      await using server = await proxyServer({ targets: [{ name: "all", to: [url] }], ca: [certificate] });
      for (let i = 0; i < 2; i++) expect((await ask(server.url, { headers: { host: "shop.test" } })).text).toBe("shop.test by TLS");
      expect(names).toEqual(["localhost"]);
      await using unknown = await proxyServer({ targets: [{ name: "all", to: [url] }] });
      expect((await ask(unknown.url)).status).toBe(502);
      const byAddress = url.replace("localhost", "127.0.0.2");
      await using other = await proxyServer({ targets: [{ name: "all", to: [byAddress] }], ca: [certificate] });
      expect((await ask(other.url)).status).toBe(502);
    } finally {
      behind.closeAllConnections();
      await new Promise<void>((resolve) => void behind.close(() => resolve()));
    }
  });
});

describe("options of a proxy", () => {
  it.each([
    [{ targets: [{ name: "a b", to: ["http://x"] }] }, "name of a target"],
    [{ targets: [{ name: "a", to: [] }] }, "names no server"],
    [{ targets: [{ name: "a", to: ["http://x/path"] }] }, "without a path"],
    [{ targets: [{ name: "a", to: ["http://user:pw@x"] }] }, "http://host:port"],
    [{ targets: [{ name: "a", to: ["ftp://x"] }] }, "http://host:port"],
    [{ targets: [{ name: "a", to: ["unix:relative"] }] }, "unix:/path"],
    [{ targets: [{ name: "a", to: ["http://x"], host: /x/g }] }, "flags"],
    [
      {
        targets: [
          { name: "a", to: ["http://x"] },
          { name: "a", to: ["http://y"] },
        ],
      },
      "one name",
    ],
    [{ targets: [{ name: "a", to: ["http://x"], limits: { timeoutMs: -1 } }] }, "timeoutMs must be"],
  ])("%j is refused", async (proxy, message) => {
    const error = await proxyServer(proxy).catch((caught: unknown) => caught as Error);
    expect(error).toMatchObject({ code: "invalid", message: expect.stringContaining(message) as string });
    expect((error as Error).message).not.toContain("pw@");
  });
});
