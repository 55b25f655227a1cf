// How a request came, as signatures and redirects see it.
import { readFileSync } from "node:fs";

import { memoryKeys, messageSignatures, signFetch } from "@bk/auth/message-signatures";
import { silentLog } from "@bk/core";
import { describe, expect, it } from "vitest";

import { openPorts } from "../../src/processes/ports.js";
import { TlsEnd } from "../../src/tls/tls-end.js";
import { ask } from "../proxy/upstreams.js";
import { temporaryFolder } from "../run-cli.js";
import { startServer } from "../start-server.js";
import { Authority, hasOpenssl } from "./authority.js";

const key = { algorithm: "hmac-sha256", secret: "a secret of many characters" } as const;
const auth = { messages: messageSignatures({ keys: memoryKeys([{ keyid: "all", login: "root", key }]) }) };
const path = "/data/get/city?country=IT&name=Rome";

/** The status of a request to a server that is signed, with its scheme, for a URL. */
async function signed(url: string, to: string, more: object = {}, ca?: string): Promise<number> {
  const { headers } = await signFetch(new Request(url + path), { key, keyid: "all", fields: ["@scheme"] });
  return (await ask(to + path, { headers: { host: new URL(url).host, ...Object.fromEntries(headers), ...more }, ca })).status;
}

describe("the scheme of a request", () => {
  it("is what a trusted proxy says, and nobody else", async () => {
    const claims = { "x-forwarded-proto": "https, http" };
    for (const [trustedProxies, isTaken] of [
      [["127.0.0.1"], true],
      [["10.0.0.1"], false],
      [[], false],
    ] as const) {
      const { server } = await startServer({ auth, trustedProxies, tlsRedirectPort: 8443 });
      const { url } = await server.listen({ port: 0 });
      const away = async (headers: object): Promise<unknown> => {
        const { status, headers: replied } = await ask(`${url}/data/columns`, { headers: { host: "app.test:80", ...headers } });
        return status === 308 ? replied.location : status;
      };
      expect([await away({}), await away(claims)]).toEqual([
        "https://app.test:8443/data/columns",
        isTaken ? 401 : "https://app.test:8443/data/columns",
      ]);
      expect(await signed("https://app.test", url, claims)).toBe(isTaken ? 404 : 308);
      if (isTaken) expect(await signed("http://app.test", url, claims)).toBe(401);
      await server.close();
    }
  });

  it.runIf(hasOpenssl)("is https where TLS ends here", async () => {
    using folder = temporaryFolder();
    const authority = new Authority(folder.path);
    const pair = authority.sign("own");
    const { server } = await startServer({ auth });
    const material = {
      cert: readFileSync(pair.cert, "utf8"),
      key: readFileSync(pair.key, "utf8"),
      minVersion: "TLSv1.3",
      clientCert: "none",
      ticketKeys: Buffer.alloc(48, 1).toString("base64"),
    } as const;
    const from = await openPorts([{ port: 0, host: "127.0.0.1", isTls: true }], silentLog);
    const { url } = await server.listen({ from, tls: new TlsEnd(material, { handshakeMs: 5000, hstsMs: 0, log: silentLog }) });
    const ca = authority.pem;
    expect([await signed(url, url, {}, ca), await signed(url.replace("https", "http"), url, {}, ca)]).toEqual([404, 401]);
    await expect(ask(`${url}/ping`, { ca, maxVersion: "TLSv1.2" })).rejects.toThrow();
    await server.close();
  });
});
