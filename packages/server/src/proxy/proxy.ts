// Requests for other servers: which they are, whether they may pass, and where they go.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

import { type NetworkRule, refusesAddress } from "@bk/auth";
import { type Clock, type Log, silentLog, systemClock } from "@bk/core";

import { badRequest, busy, errorBody, forbidden, HttpError, plainResponse, wrongMethod } from "../error-response.js";
import { faultFields } from "../fault-fields.js";
import { pathOfTarget, refererOf, requestIds, withoutQuery as pathOf } from "../middleware/access-log.js";
import type { AccessRecord } from "../logging/access-line.js";
import type { MeasureProxied } from "../metrics/proxy-metrics.js";
import type { AccessLog } from "../routes/server-context.js";
import type { Overload } from "../middleware/overload.js";
import { forwardedAddress, trustTest } from "../request/client-address.js";
import { checkTarget, hostForm } from "../request/check-frame.js";
import { isEncrypted } from "../request/scheme.js";
import type { TlsRedirect } from "../middleware/tls-redirect.js";
import { refuseUpgrade } from "../sockets/refuse-upgrade.js";
import { type Asking, Balance } from "./balance.js";
import { forward, sendReply } from "./forward.js";
import { forwardUpgrade, type ProxiedSocket } from "./forward-upgrade.js";
import { requestHeaders } from "./headers.js";
import { watchHealth } from "./health-check.js";
import { type ProxiedRequest, type ProxyOptions, proxySettings } from "./proxy-options.js";
import { chooserOf } from "./targets.js";
import type { Upstream } from "./upstream.js";

export interface ProxyParts {
  /** Whose word on clients counts. */
  readonly trustedProxies?: readonly string[] | undefined;
  /** Addresses that are refused; rules for types of accounts are for others to ask. */
  readonly networks?: readonly NetworkRule[] | undefined;
  readonly overload?: Overload | undefined;
  /** Sends requests without TLS elsewhere. */
  readonly redirect?: TlsRedirect | undefined;
  /** The name of a target whose servers are this server's own processes: they log their requests themselves, and are not checked. */
  readonly own?: string;
  /** Default: requests are not told. */
  readonly access?: AccessLog | undefined;
  readonly measure?: MeasureProxied | undefined;
  readonly log?: Log;
  readonly clock?: Clock;
}

export interface Proxy {
  /** Passes a request on; false for one that is to be served here. */
  serve(request: IncomingMessage, response: ServerResponse): boolean;
  /** Whether an upgrade is passed on. */
  takes(request: IncomingMessage): boolean;
  /** WebSockets that are open. */
  size(): number;
  /** Passes an upgrade to a WebSocket on. The caller listens for errors of the connection. */
  upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void;
  /** Tells the clients of WebSockets to come back. */
  drain(): void;
  /** Cuts those that are left. */
  cut(): void;
  close(): void;
}

/** A request on its way in. */
interface Incoming {
  readonly request: IncomingMessage;
  readonly balance: Balance;
  readonly id: string;
  /** Refuses or answers it here. */
  readonly answer: (reply: Response) => void;
  readonly isUpgrade: boolean;
}

/** What a request needs to be passed on. */
interface Passed {
  readonly headers: string[];
  readonly asking: Asking;
}

/** @throws BkError `invalid` naming the option */
export function createProxy(options: ProxyOptions, parts: ProxyParts = {}): Proxy {
  const { trustedProxies = [], networks = [], overload, redirect, own, access, measure, log = silentLog, clock = systemClock } = parts;
  const settings = proxySettings(options);
  const balances = settings.targets.map((target) => new Balance(target, settings, clock));
  const upstreams = balances.flatMap((balance) => balance.upstreams);
  const others = balances.flatMap(({ target, upstreams: each }) => (target.name === own ? [] : each));
  const choose = chooserOf(balances);
  const isTrusted = trustTest(trustedProxies);
  const isRefused = networks.length === 0 ? undefined : refusesAddress(networks);
  const nextId = requestIds();
  const sockets = new Set<ProxiedSocket>();
  const health = settings.health === undefined ? undefined : watchHealth(others, settings.health, settings, log);
  let isEnding = false;

  const onFault = (message: string, { url }: Upstream, error: Error): void => log.warn(message, { upstream: url, ...faultFields(error) });

  /** Logs the end of a request. */
  function logger(request: IncomingMessage, balance: Balance, id: string): { upstream?: string; end(status: number): void } {
    const at = clock.now();
    const peer = request.socket.remoteAddress;
    const address = peer === undefined ? undefined : forwardedAddress(peer, request.headers["x-forwarded-for"], isTrusted);
    let isLogged = false;
    return {
      end(status) {
        if (isLogged) return;
        isLogged = true;
        const { upstream } = this;
        if (upstream !== undefined && balance.target.name === own) return;
        const ms = clock.now() - at;
        measure?.(balance.target.name, status, ms / 1000);
        access?.write({ ...recordOf(request), id, at, ms, status, address, fields: upstream === undefined ? {} : { upstream } });
      },
    };
  }

  /** Asks all that may refuse a request. Undefined: it is answered already. */
  function admit(incoming: Incoming): Passed | undefined | Promise<Passed | undefined> {
    const { request, balance, id, answer, isUpgrade } = incoming;
    const peer = request.socket.remoteAddress;
    // Whoever has gone needs no answer, and has no address any more that could be asked about.
    if (peer === undefined) {
      request.socket.destroy();
      return undefined;
    }
    try {
      checkProxied(request);
      if (overload?.refuses(pathOfTarget(request.url!)) !== undefined) throw busy();
      const address = forwardedAddress(peer, request.headers["x-forwarded-for"], isTrusted);
      if (isRefused?.(address, request.method!, pathOf(request.url!)) === true) throw forbidden("not from this address");
      const moved = redirect?.(request);
      if (moved !== undefined) return void answer(moved);
      const isTls = isEncrypted(request.socket);
      const passed = {
        headers: requestHeaders(request, { peer, isTrusted: isTrusted(peer), isTls, id }, isUpgrade),
        asking: { address, cookie: request.headers.cookie, isTls },
      };
      const asked = settings.check?.({ ...seen(request), address, to: balance.target.name, isUpgrade });
      if (asked === undefined) return passed;
      if (asked instanceof Response) return void answer(asked);
      return asked.then(
        (reply) => (reply === undefined ? passed : void answer(reply)),
        (error: unknown) => void answer(replyTo(error)),
      );
    } catch (error) {
      return void answer(replyTo(error));
    }
  }

  function replyTo(error: unknown): Response {
    if (errorBody(error).status === 500) log.error("a request could not be passed on", faultFields(error));
    return plainResponse(error);
  }

  function pass(incoming: Incoming, go: (passed: Passed) => void): void {
    const goOn = (passed: Passed | undefined): void => {
      if (passed === undefined || incoming.request.socket.destroyed) return;
      try {
        go(passed);
      } catch (error) {
        // Node refuses to send what it has let in, such as letters in a path.
        incoming.answer(
          plainResponse(badRequest(`the request cannot be passed on: ${(error as NodeJS.ErrnoException).code ?? "invalid"}`)),
        );
      }
    };
    const admitted = admit(incoming);
    if (admitted instanceof Promise) void admitted.then(goOn);
    else goOn(admitted);
  }

  return {
    serve(request, response) {
      const balance = choose(request);
      if (balance === undefined) return false;
      const id = nextId();
      const logged = logger(request, balance, id);
      // 499, as others have it: the client left before there was a reply.
      response.once("close", () => logged.end(response.headersSent ? response.statusCode : 499));
      const answer = (reply: Response): void => void sendReply(request, response, reply, id);
      pass({ request, balance, id, answer, isUpgrade: false }, (passed) => {
        const end = overload?.begin();
        if (end !== undefined) response.once("close", end);
        forward({ ...passed, balance, request, response, id, onFault, onUpstream: (url) => (logged.upstream = url) });
      });
      return true;
    },

    takes: (request) => /^websocket$/i.test(request.headers.upgrade ?? "") && request.method === "GET" && choose(request) !== undefined,

    size: () => sockets.size,

    upgrade(request, socket, head) {
      const balance = choose(request)!;
      const id = nextId();
      const logged = logger(request, balance, id);
      const answer = (reply: Response): void => {
        logged.end(reply.status);
        void refuseUpgrade(socket, reply);
      };
      pass({ request, balance, id, answer, isUpgrade: true }, (passed) =>
        forwardUpgrade({
          ...passed,
          balance,
          request,
          socket,
          head,
          id,
          onFault,
          onUpstream: (url) => (logged.upstream = url),
          onOpened(opened) {
            sockets.add(opened);
            socket.once("close", () => sockets.delete(opened));
            if (isEnding) opened.drain();
          },
          onEnd: (status) => logged.end(status),
        }),
      );
    },

    drain() {
      isEnding = true;
      for (const socket of sockets) socket.drain();
    },
    cut() {
      for (const socket of sockets) socket.cut();
    },
    close() {
      health?.close();
      for (const upstream of upstreams) upstream.close();
    },
  };
}

/** A proxy where there are options for one. What ends it is added to `open`. */
export function openProxy(options: ProxyOptions | undefined, parts: ProxyParts, open: (() => Promise<void>)[]): Proxy | undefined {
  if (options === undefined) return undefined;
  const proxy = createProxy(options, parts);
  open.push(async () => proxy.close());
  return proxy;
}

/** Dots as names in a path, however they and the slashes are written: upstreams may read what their rules have not seen. */
const dotNames = /(^|\/|\\|%2f|%5c)(\.|%2e){1,2}(\/|\\|%2f|%5c|$)/i;

/** What may not be passed on: what two servers could read in two ways. Node's parser has refused most of it. */
function checkProxied({ method = "", url = "", headers, rawHeaders }: IncomingMessage): void {
  if (method === "TRACE" || method === "CONNECT") throw wrongMethod(method, ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);
  checkTarget(url, rawHeaders);
  if (dotNames.test(pathOf(url))) throw badRequest("the path has dot segments");
  if (!hostForm.test(headers.host ?? "")) throw badRequest("the Host header is no name of a host");
  const encoding = headers["transfer-encoding"];
  if (encoding !== undefined && encoding.toLowerCase() !== "chunked")
    throw new HttpError("unsupported", "a body is sent in chunks, or as it is", { status: 501, code: "unsupported" });
  if (encoding !== undefined && headers["content-length"] !== undefined) throw badRequest("a body has one length");
}

const recordOf = (request: IncomingMessage): Omit<AccessRecord, "id" | "at" | "ms" | "status" | "address" | "fields"> => ({
  method: request.method ?? "",
  path: pathOf(request.url ?? ""),
  httpVersion: request.httpVersion,
  bytes: undefined,
  login: undefined,
  claims: undefined,
  refused: undefined,
  socket: undefined,
  referer: refererOf(request.headers.referer),
  userAgent: request.headers["user-agent"],
});

const seen = ({ method = "", url = "", headers }: IncomingMessage): Omit<ProxiedRequest, "address" | "to" | "isUpgrade"> => ({
  method,
  target: url,
  host: headers.host ?? "",
  headers,
});
