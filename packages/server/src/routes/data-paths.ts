// Which paths of the data API change something: their signatures count once, whatever the method.

import { writeCalls } from "../data/writes.js";

const changing: ReadonlySet<string> = new Set([...writeCalls, "batch"]);

/** Whether a request to this path may change something. */
export function changesData(path: string): boolean {
  if (!path.startsWith("/data/")) return false;
  const end = path.indexOf("/", 6);
  return changing.has(end < 0 ? path.slice(6) : path.slice(6, end));
}
