// A server that speaks APNs, as Apple documents it: HTTP/2, provider tokens that are checked, replies as a test says.

import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { createSecureServer, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";

import { jwtVerify } from "jose";

import type { ApnsOptions } from "../../src/push/apns.js";
import { certificate, certificateKey } from "../certificate.js";

export interface ApnsRequest {
  readonly device: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readonly<Record<string, unknown>>;
  /** Which connection it came over, from 1. */
  readonly connection: number;
}

/** A reply; `cut` breaks the connection, `goaway` replies 200 and says that the connection ends, `silent` never replies. */
export type ApnsVerdict =
  | { readonly status: number; readonly reason?: string; readonly headers?: Record<string, string> }
  | "cut"
  | "goaway"
  | "silent"
  | undefined;

export interface TestApns extends AsyncDisposable {
  readonly options: ApnsOptions;
  /** Those that were taken. */
  readonly taken: ApnsRequest[];
  /** How many requests came, however they were answered. */
  readonly asked: () => number;
  readonly tokens: ReadonlySet<string>;
  /** Most streams that were open at a time. */
  readonly most: () => number;
  readonly connections: () => number;
  /** Ends all connections between requests. */
  cutAll(): void;
}

export async function startApns({
  verdict = () => undefined,
  maxStreams = 1000,
  now = () => Date.now(),
  tokenMs = 3_600_000,
  delayMs = 0,
}: {
  readonly verdict?: (request: ApnsRequest, count: number) => ApnsVerdict;
  readonly maxStreams?: number;
  readonly now?: () => number;
  /** How old a token may be. */
  readonly tokenMs?: number;
  /** How long a reply takes. */
  readonly delayMs?: number;
} = {}): Promise<TestApns> {
  const { privateKey, publicKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  const server = createSecureServer({ key: certificateKey, cert: certificate, settings: { maxConcurrentStreams: maxStreams } });
  const sessions = new Map<ServerHttp2Session, number>();
  const taken: ApnsRequest[] = [];
  const tokens = new Set<string>();
  let [asked, open, most, connections] = [0, 0, 0, 0];

  server.on("session", (session) => {
    sessions.set(session, ++connections);
    session.on("error", () => undefined).on("close", () => sessions.delete(session));
  });

  const answer = (stream: ServerHttp2Stream, status: number, reason: string, headers: Record<string, string> = {}): void => {
    if (stream.closed || stream.destroyed) return;
    stream.respond({ ":status": status, "apns-id": crypto.randomUUID().toUpperCase(), ...headers });
    stream.end(status === 200 ? "" : JSON.stringify({ reason }));
  };

  /** What is wrong with the request before the device is looked at. */
  async function refusal(headers: IncomingHttpHeaders, body: string): Promise<[number, string] | undefined> {
    const text = /^bearer (.+)$/.exec(headers.authorization ?? "")?.[1];
    if (text === undefined) return [403, "MissingProviderToken"];
    tokens.add(text);
    try {
      const { payload, protectedHeader } = await jwtVerify(text, createPublicKey(publicKey), {
        algorithms: ["ES256"],
        issuer: "TEAM123456",
        currentDate: new Date(now()),
      });
      if (protectedHeader.kid !== "KEY1234567") return [403, "InvalidProviderToken"];
      if (now() - payload.iat! * 1000 > tokenMs) return [403, "ExpiredProviderToken"];
    } catch {
      return [403, "InvalidProviderToken"];
    }
    if (headers["apns-topic"] !== "com.example.app") return [400, "TopicDisallowed"];
    if (!["alert", "background"].includes(String(headers["apns-push-type"]))) return [400, "InvalidPushType"];
    if (headers["apns-push-type"] === "background" && headers["apns-priority"] !== "5") return [400, "BadPriority"];
    if (Buffer.byteLength(body) > 4096) return [413, "PayloadTooLarge"];
    return undefined;
  }

  server.on("stream", (stream, headers) => {
    most = Math.max(most, ++open);
    stream.on("close", () => open--).on("error", () => undefined);
    let body = "";
    stream.setEncoding("utf8");
    stream.on("data", (chunk: string) => (body += chunk));
    stream.on("end", () => {
      const count = ++asked;
      void (async () => {
        const [, device] = /^\/3\/device\/([0-9a-fA-F]+)$/.exec(String(headers[":path"])) ?? [];
        const wrong =
          headers[":method"] !== "POST"
            ? ([405, "MethodNotAllowed"] as const)
            : device === undefined
              ? ([404, "BadPath"] as const)
              : await refusal(headers, body);
        if (wrong !== undefined) return answer(stream, wrong[0], wrong[1]);
        const session = stream.session as ServerHttp2Session;
        const request: ApnsRequest = {
          device: device!,
          headers,
          body: JSON.parse(body) as ApnsRequest["body"],
          connection: sessions.get(session) ?? 0,
        };
        const said = verdict(request, count);
        if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
        if (said === "silent") return;
        if (said === "cut") return session.destroy();
        if (said === undefined || said === "goaway" || said.status === 200) taken.push(request);
        if (said === "goaway") session.goaway();
        if (said === undefined || said === "goaway") return answer(stream, 200, "");
        answer(stream, said.status, said.reason ?? "", said.headers);
      })();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cutAll = (): void => [...sessions.keys()].forEach((session) => session.destroy());
  return {
    options: {
      key: privateKey,
      keyId: "KEY1234567",
      teamId: "TEAM123456",
      url: `https://localhost:${(server.address() as AddressInfo).port}`,
      ca: certificate,
    },
    taken,
    asked: () => asked,
    tokens,
    most: () => most,
    connections: () => connections,
    cutAll,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      cutAll();
      await closed;
    },
  };
}
