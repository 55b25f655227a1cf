// Where the processes of one machine meet: `shared:` for the programs of one folder, `shared:name`, or a socket of one's own.

import { either, flag, oneOf, parseConnectUrl, readOptions } from "@bk/core";
import { sharedPath } from "@bk/core/shared";

import { wrongOption } from "../../errors.js";

export interface SharedPlace {
  readonly path: string;
  /** Whether this process may keep the store; undefined: unless it is a worker of a cluster. */
  readonly host: boolean | undefined;
}

const types = { host: either(flag, oneOf(["auto"])) };

/**
 * @param kind  sets the store apart from those of other kinds by the same name
 * @throws QueueError `invalid` naming the field; BkError `denied` when the folder of the socket is somebody else's
 */
export function sharedPlace(kind: string, { url, options }: { url: string; options: Readonly<Record<string, unknown>> }): SharedPlace {
  const wrong = wrongOption("shared");
  const { hosts, path, options: inUrl } = parseConnectUrl(url);
  if (hosts.length > 0) throw wrong("url", "the URL is shared: or shared:name");
  const { host } = readOptions({ ...inUrl, ...options }, types, wrong);
  // A name with a slash would be a path.
  const name = path ?? `folder ${process.cwd().replaceAll("/", "\0")}`;
  return {
    path: sharedPath(name.includes("/") ? `${name}.${kind}` : `${kind} ${name}`),
    host: typeof host === "boolean" ? host : undefined,
  };
}
