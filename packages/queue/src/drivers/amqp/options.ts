// What the URL and the settings say, checked.

import { either, flag, integer, parseConnectUrl, readOptions, settingsOf, string } from "@bk/core";

import { wrongOption } from "../../errors.js";

export interface AmqpOptions {
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  readonly user: string;
  readonly password: string;
  readonly virtualHost: string;
  readonly tls: boolean | Readonly<Record<string, unknown>>;
  /** The exchange of publish and subscribe; default `bk.pubsub`. */
  readonly exchange: string;
  /** What queues of work begin with; default `bk.`. */
  readonly prefix: string;
  readonly connectTimeoutMs: number;
  readonly heartbeatSeconds: number;
}

const anyString = string("a string", () => true);
const types = {
  user: string(),
  password: anyString,
  virtualHost: string(),
  tls: either(flag, settingsOf<Readonly<Record<string, unknown>>>("node:tls")),
  exchange: string("at most 200 characters", (text) => text.length > 0 && text.length <= 200),
  prefix: string("letters, digits, and any of _.:-, at most 50", (text) => /^[\w.:-]{1,50}$/.test(text)),
  connectTimeoutMs: integer({ min: 1 }),
  heartbeatSeconds: integer({ min: 1, max: 65_535 }),
};

/** @throws QueueError `invalid` naming the field */
export function amqpOptions({ url, options }: { url: string; options: Readonly<Record<string, unknown>> }): AmqpOptions {
  const parsed = parseConnectUrl(url);
  const given = readOptions({ ...parsed.options, ...options }, types, wrongOption("amqp"));
  const isTls = parsed.scheme === "amqps";
  const hosts = parsed.hosts.length === 0 ? [{ host: "127.0.0.1" }] : parsed.hosts;
  return {
    hosts: hosts.map((each) => ({ port: isTls ? 5671 : 5672, ...each })),
    user: given.user ?? parsed.user ?? "guest",
    password: given.password ?? parsed.password ?? "guest",
    virtualHost: given.virtualHost ?? parsed.path ?? "/",
    tls: given.tls ?? isTls,
    exchange: given.exchange ?? "bk.pubsub",
    prefix: given.prefix ?? "bk.",
    connectTimeoutMs: given.connectTimeoutMs ?? 5000,
    heartbeatSeconds: given.heartbeatSeconds ?? 15,
  };
}
