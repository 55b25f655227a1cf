// Whether a page that may do so made a request. Browsers send a session cookie on their own, whoever asked them to.
import type { Incoming } from "./incoming.js";
import { changesByMethod } from "./verify-request.js";

/**
 * Whether a request with a session cookie may change something: not by a method that only reads, and from a page of this host or of an
 * origin that is trusted.
 *
 * Newer browsers say in `Sec-Fetch-Site` where the page is from, older ones in `Origin`. A request that says neither is refused.
 */
export function mayChange(incoming: Incoming, trusted: readonly string[]): boolean {
  return changesByMethod(incoming.method) && cameFrom(incoming, trusted) === "here";
}

/**
 * Where the page is from that made a request: `here` is the host of the request, or an origin among `trusted`; `unknown` is what other
 * programs than browsers send.
 *
 * @param request  its Host header, and what gives a header by its name in lower case
 * @param trusted  origins as browsers write them, such as `https://app.example.com`
 */
export function cameFrom(
  { host, header }: Pick<Incoming, "host" | "header">,
  trusted: readonly string[],
): "here" | "elsewhere" | "unknown" {
  const origin = header("origin")?.toLowerCase();
  if (origin !== undefined && trusted.includes(origin)) return "here";
  const site = header("sec-fetch-site");
  if (site !== undefined) return site === "same-origin" ? "here" : "elsewhere";
  if (origin === undefined) return "unknown";
  return /^https?:\/\/(.+)$/.exec(origin)?.[1] === host.toLowerCase() ? "here" : "elsewhere";
}
