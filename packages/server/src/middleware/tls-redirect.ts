// Where whoever comes without TLS goes.

import type { IncomingMessage } from "node:http";

import { badRequest, replyHeaders } from "../error-response.js";
import { hostForm } from "../request/check-frame.js";
import type { IsSecure } from "../request/scheme.js";
import { withoutQuery } from "./access-log.js";

/** Asked by machines that look for this server, or for a file that proves whose the host is (RFC 8555, 8.3). */
const spared = /^\/(?:ping|health\/(?:live|ready)|\.well-known\/acme-challenge\/[\w-]+)$/;

/** The reply that sends a request to HTTPS; undefined for one that came so, and for those that are spared. */
export type TlsRedirect = (request: Pick<IncomingMessage, "socket" | "headers" | "url">) => Response | undefined;

/** @param port  that of `https://` */
export function tlsRedirect(port: number, isSecure: IsSecure): TlsRedirect {
  const behind = port === 443 ? "" : `:${port}`;
  return (request) => {
    const { url = "", headers } = request;
    if (isSecure(request) || spared.test(withoutQuery(url))) return undefined;
    const [, host] = hostForm.exec(headers.host ?? "") ?? [];
    if (host === undefined || !url.startsWith("/")) throw badRequest("the Host header is no name of a host");
    // 308 has method and body sent again. Nobody keeps it: what is for good is for Strict-Transport-Security to say.
    return new Response(null, {
      status: 308,
      headers: { ...replyHeaders, "content-length": "0", location: `https://${host}${behind}${url}` },
    });
  };
}
