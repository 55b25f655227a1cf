// Servers that speak OAuth for service accounts and FCM HTTP v1, as Google documents them, with replies as a test says.

import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

import { jwtVerify } from "jose";

import type { FcmOptions } from "../../src/push/fcm.js";

export interface FcmMessage {
  readonly token: string;
  readonly notification?: Readonly<Record<string, unknown>>;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly android: Readonly<Record<string, unknown>>;
}

/** A reply, or `cut`, which breaks the connection. */
export type FcmVerdict = { readonly status: number; readonly errorCode?: string; readonly retryAfter?: string } | "cut" | undefined;

export interface TestFcm extends AsyncDisposable {
  readonly options: FcmOptions & { readonly account: { readonly private_key: string } };
  readonly taken: FcmMessage[];
  readonly asked: () => number;
  /** How many access tokens were given. */
  readonly tokensGiven: () => number;
  /** Ends the access tokens that were given. */
  endTokens(): void;
}

/** Making one takes long. */
const { privateKey, publicKey } = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
  publicKeyEncoding: { type: "spki", format: "pem" },
});

const textOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
};

export async function startFcm({
  verdict = () => undefined,
  tokenVerdict = () => undefined,
  now = () => Date.now(),
}: {
  readonly verdict?: (message: FcmMessage, count: number) => FcmVerdict;
  readonly tokenVerdict?: (count: number) => number | undefined;
  readonly now?: () => number;
} = {}): Promise<TestFcm> {
  const taken: FcmMessage[] = [];
  const good = new Map<string, number>();
  let [asked, given, tokensAsked] = [0, 0, 0];
  let origin = "";

  const server = createServer((request, response) => {
    const answer = (status: number, body: object, headers: Record<string, string> = {}): void =>
      void response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
    const refuse = (status: number, name: string, errorCode?: string, headers?: Record<string, string>): void =>
      answer(
        status,
        {
          error: {
            code: status,
            message: "no",
            status: name,
            ...(errorCode === undefined
              ? {}
              : { details: [{ "@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", errorCode }] }),
          },
        },
        headers,
      );
    void (async () => {
      const text = await textOf(request);
      if (request.url === "/token") {
        const said = tokenVerdict(++tokensAsked);
        if (said !== undefined) return answer(said, { error: "invalid_grant" });
        const form = new URLSearchParams(text);
        if (form.get("grant_type") !== "urn:ietf:params:oauth:grant-type:jwt-bearer")
          return answer(400, { error: "unsupported_grant_type" });
        const { payload } = await jwtVerify(form.get("assertion") ?? "", createPublicKey(publicKey), {
          algorithms: ["RS256"],
          issuer: "push@app.example",
          audience: `${origin}/token`,
          currentDate: new Date(now()),
        });
        if (payload["scope"] !== "https://www.googleapis.com/auth/firebase.messaging" || payload.exp! - payload.iat! > 3600)
          return answer(400, { error: "invalid_scope" });
        const token = `ya29.${++given}`;
        good.set(token, now() + 3_599_000);
        return answer(200, { access_token: token, expires_in: 3599, token_type: "Bearer" });
      }
      asked++;
      const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "";
      if ((good.get(token) ?? 0) < now()) return refuse(401, "UNAUTHENTICATED");
      if (request.method !== "POST" || request.url !== "/v1/projects/app-1/messages:send") return refuse(404, "NOT_FOUND");
      const { message } = JSON.parse(text) as { message: FcmMessage };
      if (Object.values(message.data ?? {}).some((value) => typeof value !== "string"))
        return refuse(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT");
      const said = verdict(message, asked);
      if (said === "cut") return void request.socket.destroy();
      if (said !== undefined)
        return refuse(said.status, "NO", said.errorCode, said.retryAfter === undefined ? {} : { "retry-after": said.retryAfter });
      taken.push(message);
      answer(200, { name: `projects/app-1/messages/${taken.length}` });
    })().catch(() => answer(400, { error: "invalid_grant" }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    options: {
      url: origin,
      account: {
        project_id: "app-1",
        client_email: "push@app.example",
        private_key: privateKey,
        private_key_id: "k1",
        token_uri: `${origin}/token`,
      },
    },
    taken,
    asked: () => asked,
    tokensGiven: () => given,
    endTokens: () => good.clear(),
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
