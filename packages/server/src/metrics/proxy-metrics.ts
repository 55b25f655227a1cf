// Counts requests that are passed on, by target.

import type { Metrics } from "./metrics.js";

/** @param seconds  until the end of the reply */
export type MeasureProxied = (target: string, status: number, seconds: number) => void;

export function measureProxied(metrics: Metrics): MeasureProxied {
  const times = metrics.histogram({
    name: "bk_proxy_req_seconds",
    help: "Requests that are passed on, until their reply has ended",
    labels: ["target"],
  });
  const statuses = metrics.counter({
    name: "bk_proxy_status_total",
    help: "Replies to requests that are passed on, and to WebSockets, by target and status",
    labels: ["target", "status"],
  });
  return (target, status, seconds) => {
    // How long a WebSocket is open says nothing of how quick it is.
    if (status !== 101) times.observe([target], seconds);
    statuses.add([target, String(status)]);
  };
}
