// What the URL and the settings say, checked.

import { either, flag, integer, list, parseConnectUrl, readOptions, settingsOf, string } from "@bk/core";

import { wrongOption } from "../../errors.js";

export interface HazelcastOptions {
  readonly clusterName: string;
  readonly members: readonly string[];
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly tls: boolean | Readonly<Record<string, unknown>>;
  readonly connectTimeoutMs: number;
  /** Whether this process talks to every member itself, at the address that the cluster gives; else to one of those that were written down. */
  readonly allMembers: boolean;
  /** What the names of maps, queues and ringbuffers begin with. */
  readonly prefix: string;
}

const anyString = string("a string", () => true);
const types = {
  servers: list,
  username: anyString,
  password: anyString,
  tls: either(flag, settingsOf<Readonly<Record<string, unknown>>>("node:tls")),
  connectTimeoutMs: integer({ min: 1 }),
  allMembers: flag,
  prefix: string("a string without U+0000", (text) => !text.includes("\0")),
};

/** @throws QueueError `invalid` naming the field */
export function hazelcastOptions({ url, options }: { url: string; options: Readonly<Record<string, unknown>> }): HazelcastOptions {
  const parsed = parseConnectUrl(url);
  const given = readOptions({ ...parsed.options, ...options }, types, wrongOption("hazelcast"));
  const hosts = parsed.hosts.length === 0 ? [{ host: "127.0.0.1" }] : parsed.hosts;
  return {
    clusterName: parsed.path ?? "dev",
    members: [...hosts.map(({ host, port = 5701 }) => `${host.includes(":") ? `[${host}]` : host}:${port}`), ...(given.servers ?? [])],
    username: given.username ?? parsed.user,
    password: given.password ?? parsed.password,
    tls: given.tls ?? false,
    connectTimeoutMs: given.connectTimeoutMs ?? 5000,
    allMembers: given.allMembers ?? true,
    prefix: given.prefix ?? "bk:",
  };
}
