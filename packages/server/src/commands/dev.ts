// `bk-server dev`: serves while somebody works on the app.

import type { Configuration } from "../settings/configuration.js";
import { serve } from "./serve.js";

/** Modules and libraries of the app may look at it. */
export function devCommand(configuration: Configuration): Promise<number> {
  process.env["NODE_ENV"] ??= "development";
  return serve(configuration);
}
