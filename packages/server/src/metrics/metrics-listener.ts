// A port or socket of its own for `/metrics`.

import { chmodSync, chownSync, lstatSync, rmSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";

import { networkTest } from "@bk/auth";
import type { Log } from "@bk/core";

import { invalidSetting } from "../config/errors.js";
import { faultFields } from "../fault-fields.js";
import { isAnswered } from "../processes/control.js";
import { listenAt, listenAtPath } from "../processes/listen-at.js";
import type { Owner } from "../processes/privileges.js";
import type { MetricsPlace } from "../settings/metric-settings.js";
import { exposition, expositionType } from "./exposition.js";
import type { Family } from "./family.js";

export interface MetricsListener {
  close(): void;
}

/**
 * @param allow  who may read over TCP; empty: whoever reaches it
 * @param owner  whose a socket becomes
 */
export async function listenForMetrics(
  place: MetricsPlace,
  allow: readonly string[],
  read: () => Promise<readonly Family[]>,
  log: Log,
  owner?: Owner,
): Promise<MetricsListener> {
  const test = networkTest(allow);
  const isAllowed = (address: string | undefined): boolean =>
    allow.length === 0 || "path" in place || (address !== undefined && typeof test === "function" && test(address));
  const end = (response: ServerResponse, status: number, text: string, type = "text/plain; charset=utf-8"): void =>
    void response.writeHead(status, { "content-type": type, "cache-control": "no-store" }).end(text);
  const server = createServer(({ method, url = "", socket }, response) => {
    if (!isAllowed(socket.remoteAddress)) end(response, 403, "this address may not read metrics\n");
    else if (url.split("?")[0] !== "/metrics") end(response, 404, "there is /metrics\n");
    else if (method !== "GET" && method !== "HEAD") end(response, 405, "there is GET\n");
    else
      read().then(
        (families) => end(response, 200, exposition(families), expositionType),
        (error: unknown) => {
          log.error("metrics could not be read", faultFields(error));
          end(response, 503, "metrics could not be read\n");
        },
      );
  });
  if ("path" in place) await listenAtFree(place.path);
  else log.info(`metrics at ${(await listenAt(server, place.port, place.host, "metrics-listen")).url}/metrics`);
  server.on("error", (error) => log.error("the socket of metrics", faultFields(error)));
  server.unref();
  return {
    close() {
      server.close();
      server.closeAllConnections();
    },
  };

  async function listenAtFree(path: string): Promise<void> {
    if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === false)
      throw invalidSetting("metrics-listen", `metrics-listen: ${path} is there, and is no socket`);
    if (await isAnswered(path)) throw invalidSetting("metrics-listen", `metrics-listen: another process listens at ${path}`);
    // What was left by one that was killed.
    rmSync(path, { force: true });
    await listenAtPath(server, path).catch((cause: NodeJS.ErrnoException) => {
      throw invalidSetting("metrics-listen", `metrics-listen: cannot listen at ${path} (${cause.code})`, cause);
    });
    // For the server's user and group.
    chmodSync(path, 0o660);
    if (owner !== undefined) chownSync(path, owner.uid, owner.gid);
  }
}
