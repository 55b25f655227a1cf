// Sends a request to an upstream, and to another one where the first took no connection. Nothing of its body is read before there is one, so
// that nothing can have happened.

import type { ClientRequest, IncomingMessage } from "node:http";
import type { Socket } from "node:net";

import { badGateway, gatewayTimeout, type HttpError, noUpstream } from "../error-response.js";
import type { Asking, Balance } from "./balance.js";
import type { Upstream } from "./upstream.js";

export interface Call {
  readonly balance: Balance;
  readonly asking: Asking;
  readonly request: IncomingMessage;
  /** Names and values in turn. */
  readonly headers: string[];
  /** There is a connection: the body may be sent. */
  readonly onConnected: (sent: ClientRequest) => void;
  readonly onReply: (reply: IncomingMessage, upstream: Upstream) => void;
  /** The upstream has opened a WebSocket; without it that is a fault of the upstream's. */
  readonly onUpgrade?: (reply: IncomingMessage, socket: Socket, head: Buffer, upstream: Upstream) => void;
  /** There is no reply, and the client can be told. */
  readonly onFailed: (error: HttpError) => void;
  /** The upstream is silent although nobody else is waited for. */
  readonly isWaiting: (sent: ClientRequest) => boolean;
  /** For the log of who runs this server. */
  readonly onFault: (message: string, upstream: Upstream, error: Error) => void;
}

/** What is going on of a call. */
export interface Sent {
  /** The client has gone: the upstream is told. */
  abort(): void;
}

/** Methods that change nothing. */
const safe: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

export function dispatch(call: Call): Sent {
  const { balance, asking, request, headers } = call;
  const { timeoutMs, connectTimeoutMs } = balance.settings;
  let [isOver, current]: [boolean, ClientRequest | undefined] = [false, undefined];
  const hasBody = headers.some((name, at) => at % 2 === 0 && /^(content-length|transfer-encoding)$/i.test(name) && headers[at + 1] !== "0");

  function fail(error: HttpError): void {
    isOver = true;
    call.onFailed(error);
  }

  let [mayTryAgain, mayTryAnother] = [safe.has(request.method!) && !hasBody, true];

  function send(upstream: Upstream): void {
    let [isConnected, hasReply, fault]: [boolean, boolean, "late" | "silent" | undefined] = [false, false, undefined];
    let given: IncomingMessage | undefined;
    const { method, url } = request;
    const sent = upstream.request({ method, path: url, headers, timeout: timeoutMs });
    current = sent;
    upstream.running++;
    const timer = setTimeout(() => {
      if (sent.socket === null) {
        // It waits for one of the connections that others use; without an error the one that it would get stays open.
        sent.destroy();
        if (!isOver) fail(noUpstream(connectTimeoutMs));
        return;
      }
      fault = "late";
      sent.destroy(new Error("no connection in time"));
    }, connectTimeoutMs);
    const connected = (): void => {
      clearTimeout(timer);
      isConnected = true;
      upstream.accepted();
      if (!isOver) call.onConnected(sent);
    };
    sent.once("socket", (socket: Socket) => {
      // It may be one that served another request before. One of TLS is ready when both know each other.
      const { secureConnecting } = socket as Socket & { readonly secureConnecting?: boolean };
      if (!socket.connecting && secureConnecting !== true) connected();
      else socket.once(secureConnecting === undefined ? "connect" : "secureConnect", connected);
    });
    sent.on("timeout", () => {
      if (!isConnected || !call.isWaiting(sent)) return;
      fault = "silent";
      sent.destroy(new Error("the upstream is silent"));
    });
    sent.once("response", (reply) => {
      hasReply = true;
      given = reply;
      if (isOver) sent.destroy();
      else call.onReply(reply, upstream);
    });
    sent.once("upgrade", (reply, socket: Socket, head) => {
      hasReply = true;
      if (isOver) socket.destroy();
      else if (call.onUpgrade === undefined) {
        socket.destroy();
        fail(badGateway());
      } else call.onUpgrade(reply, socket, head, upstream);
    });
    sent.once("close", () => {
      clearTimeout(timer);
      upstream.running--;
    });
    sent.on("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      // What goes wrong with a reply is told by the reply. Node would take one without a length for complete.
      if (given?.complete === false) given.destroy(error);
      if (isOver || hasReply || sent !== current) return;
      if (isConnected) {
        // The connection was an old one, and may have been closed before the request came.
        if (sent.reusedSocket && fault === undefined && mayTryAgain) {
          mayTryAgain = false;
          upstream.closeIdle();
          return send(upstream);
        }
        call.onFault(fault === "silent" ? "an upstream did not answer in time" : "an upstream failed", upstream, error);
        return fail(fault === "silent" ? gatewayTimeout() : badGateway());
      }
      upstream.refused();
      call.onFault("an upstream takes no connection", upstream, error);
      const other = mayTryAnother ? balance.next(asking, upstream) : undefined;
      mayTryAnother = false;
      if (other !== undefined) return send(other);
      return fail(fault === "late" ? gatewayTimeout() : badGateway());
    });
  }

  const first = balance.next(asking);
  if (first === undefined) fail(noUpstream(Math.min(...balance.upstreams.map(({ readyInMs }) => readyInMs))));
  else send(first);
  return {
    abort() {
      isOver = true;
      current?.destroy();
    },
  };
}
