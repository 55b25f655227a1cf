// `bk-server` without a command: serves until it is told to stop, in this process or in several.

import type { Configuration } from "../settings/configuration.js";
import { proxyHere } from "./proxy-here.js";
import { serveHere } from "./serve-here.js";
import { serveInProcesses } from "./serve-in-processes.js";
import { workHere } from "./work-here.js";

/** The promise resolves when the server was stopped by a signal and everything is closed, with the exit code. */
export async function serve(configuration: Configuration): Promise<number> {
  const { config } = configuration;
  const role = config.get("role");
  process.title = `${config.get("app-name")}: ${role}`;
  const isPrimary =
    (["workers", "job-workers", "proxy-workers"] as const).some((name) => config.get(name) > 0) || configuration.watch.length > 0;
  if (role === "server" && isPrimary) return serveInProcesses(configuration);
  await (role === "worker" ? workHere : role === "proxy" ? proxyHere : serveHere)(configuration);
  return 0;
}
