// `bk-server` without a command: serves until it is told to stop, in this process or in several.

import type { Configuration } from "../settings/configuration.js";
import { serveHere } from "./serve-here.js";
import { serveInProcesses } from "./serve-in-processes.js";
import { workHere } from "./work-here.js";

/** The promise resolves when the server was stopped by a signal and everything is closed, with the exit code. */
export async function serve(configuration: Configuration): Promise<number> {
  const { config } = configuration;
  const role = config.get("role");
  process.title = `${config.get("app-name")}: ${role}`;
  if (role === "server" && (config.get("workers") > 0 || config.get("job-workers") > 0 || configuration.watch.length > 0))
    return serveInProcesses(configuration);
  await (role === "worker" ? workHere : serveHere)(configuration);
  return 0;
}
