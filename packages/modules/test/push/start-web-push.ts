// A push service of a browser, and the browser: VAPID is checked (RFC 8292), messages are decrypted (RFC 8188, 8291).

import { createDecipheriv, createECDH, createPublicKey, hkdfSync } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { jwtVerify } from "jose";

import type { WebSubscription } from "../../src/push/device.js";

export interface WebRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly payload: Readonly<Record<string, unknown>>;
}

export interface TestWebPush extends AsyncDisposable {
  readonly origin: string;
  readonly subscription: WebSubscription;
  readonly taken: WebRequest[];
  readonly asked: () => number;
}

export async function startWebPush({
  publicKey,
  verdict = () => undefined,
}: {
  /** Of VAPID. */
  readonly publicKey: string;
  readonly verdict?: (count: number) => { readonly status: number; readonly headers?: Record<string, string> } | undefined;
}): Promise<TestWebPush> {
  const browser = createECDH("prime256v1");
  browser.generateKeys();
  const auth = crypto.getRandomValues(Buffer.alloc(16));
  const taken: WebRequest[] = [];
  let asked = 0;
  let origin = "";

  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const said = verdict(++asked);
      if (said !== undefined) return void response.writeHead(said.status, said.headers).end();
      const [, token = "", key = ""] = /^vapid t=([^,]+), ?k=(.+)$/.exec(request.headers.authorization ?? "") ?? [];
      if (key !== publicKey) return void response.writeHead(403).end();
      const point = Buffer.from(key, "base64url");
      const jwk = { kty: "EC", crv: "P-256", x: point.subarray(1, 33).toString("base64url"), y: point.subarray(33).toString("base64url") };
      await jwtVerify(token, createPublicKey({ key: jwk, format: "jwk" }), {
        algorithms: ["ES256"],
        audience: origin,
        subject: "mailto:ops@example.com",
      });
      const payload = JSON.parse(decrypted(Buffer.concat(chunks))) as WebRequest["payload"];
      taken.push({ headers: request.headers, payload });
      response.writeHead(201, { location: `${origin}/m/${taken.length}` }).end();
    })().catch(() => response.writeHead(400).end());
  });

  function decrypted(body: Buffer): string {
    const [salt, keyLength] = [body.subarray(0, 16), body[20]!];
    const sender = body.subarray(21, 21 + keyLength);
    const shared = browser.computeSecret(sender);
    const info = Buffer.concat([Buffer.from("WebPush: info\0"), browser.getPublicKey(), sender]);
    const ikm = Buffer.from(hkdfSync("sha256", shared, auth, info, 32));
    const key = Buffer.from(hkdfSync("sha256", ikm, salt, Buffer.from("Content-Encoding: aes128gcm\0"), 16));
    const nonce = Buffer.from(hkdfSync("sha256", ikm, salt, Buffer.from("Content-Encoding: nonce\0"), 12));
    const record = body.subarray(21 + keyLength);
    const cipher = createDecipheriv("aes-128-gcm", key, nonce).setAuthTag(record.subarray(-16));
    const plain = Buffer.concat([cipher.update(record.subarray(0, -16)), cipher.final()]);
    // The last record ends in 2, and zeros behind it.
    return plain.subarray(0, plain.lastIndexOf(2)).toString();
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    subscription: { endpoint: `${origin}/send/abc`, keys: { p256dh: browser.getPublicKey("base64url"), auth: auth.toString("base64url") } },
    taken,
    asked: () => asked,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
