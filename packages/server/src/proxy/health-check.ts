// Asks upstreams whether they are well.

import type { Log } from "@bk/core";

import type { ProxyOptions, ProxySettings } from "./proxy-options.js";
import type { Upstream } from "./upstream.js";

/** Asks each at once, and then at an interval. */
export function watchHealth(
  upstreams: readonly Upstream[],
  { path, intervalMs }: NonNullable<ProxyOptions["health"]>,
  { connectTimeoutMs }: Pick<ProxySettings, "connectTimeoutMs">,
  log: Log,
): { close(): void } {
  const ask = (upstream: Upstream): void => {
    const tell = (isHealthy: boolean): void => {
      if (upstream.isHealthy !== isHealthy)
        log.warn(isHealthy ? "an upstream is well again" : "an upstream is not well, and gets no requests", { upstream: upstream.url });
      upstream.isHealthy = isHealthy;
    };
    const sent = upstream.request({ path, headers: { host: "localhost", "user-agent": "bk-server" } });
    const timer = setTimeout(() => sent.destroy(new Error("no answer in time")), connectTimeoutMs);
    sent.once("response", (reply) => {
      reply.once("error", () => undefined).resume();
      tell(reply.statusCode! >= 200 && reply.statusCode! < 400);
    });
    sent.once("error", () => tell(false));
    sent.once("close", () => clearTimeout(timer));
    sent.end();
  };
  const askAll = (): void => upstreams.forEach(ask);
  askAll();
  const timer = setInterval(askAll, intervalMs).unref();
  return { close: () => clearInterval(timer) };
}
