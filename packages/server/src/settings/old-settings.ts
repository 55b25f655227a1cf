// Settings of backendjs that are written in another way here: by other units, or several that are one now. What only has another name is
// among the aliases of its setting.

import { availableParallelism } from "node:os";

import { redactUrl } from "@bk/core";

import type { Given } from "../config/config-text.js";
import { invalidSetting } from "../config/errors.js";
import { bool } from "../config/value-types.js";
import { isOldPushKey, oldPushKey, pushKeySettings } from "./old-push-settings.js";

interface Renaming {
  readonly now: string;
  /** The value here; undefined for what cannot be understood. */
  readonly value: (text: string) => string | undefined;
}

const whole = /^-?\d{1,9}$/;

/** Numbers of processes: `0` was as many as there are cores, `-1` none; a negative one of web processes a multiple of the cores. */
const workers = (text: string, negative: (count: number) => number): string | undefined => {
  if (!whole.test(text)) return undefined;
  const count = Number(text);
  return count === 0 ? "auto" : String(count > 0 ? count : negative(count));
};

const most = 16;

const minutes = (text: string): string | undefined => (/^\d{1,9}$/.test(text) ? `${text}m` : undefined);
const seconds = (text: string): string | undefined => (/^\d{1,9}$/.test(text) ? `${text}s` : undefined);

const renamed: Readonly<Record<string, Renaming>> = {
  "db-config-interval": { now: "config-db-interval", value: minutes },
  "logwatcher-interval": { now: "logwatch-interval", value: minutes },
  "tmp-watcher-tmp": { now: "tmp-age", value: seconds },
  "tmp-watcher-log": { now: "log-age", value: seconds },
  "jobs-workers": { now: "job-workers", value: (text) => workers(text, () => 0) },
  "app-workers": { now: "workers", value: (text) => workers(text, () => 0) },
  "server-max-processes": { now: "workers", value: (text) => workers(text, (count) => Math.min(most, -count * availableParallelism())) },
};

/** What has no effect here, and why. Two of them would be taken for pools named `create` and `cache`. */
const gone: Readonly<Record<string, string>> = {
  "db-create-tables": "tables are made at the start",
  "db-cache-tables": "tables that are cached have the setting cached",
  "db-describe-tables": "write tables with a file",
  "proxy-ssl": "whoever has the port ends TLS, where tls-cert or tls-pfx is given",
};

/** Teams by the apps that they have. */
const teamOfApps = /^msg-app-team-[a-z0-9]+$/i;

function whyGone(name: string): string | undefined {
  if (teamOfApps.test(name)) return "devices of one app get messages, push-app; several apps are options of push in code";
  return Object.hasOwn(gone, name) ? gone[name] : undefined;
}

/** Names with a word in them, and where that stands here. */
const moved: readonly (readonly [old: RegExp, now: string, shown: string])[] = [
  [/^db-([a-z][a-z0-9_]*)-pool-tables$/, "db-$1-tables", "db-<name>-pool-tables"],
  [/^logwatcher-file-([a-z][a-z0-9_]*)$/, "logwatch-$1-files", "logwatcher-file-<name>"],
  [/^logwatcher-match-([a-z][a-z0-9_]*)$/, "logwatch-$1-match", "logwatcher-match-<name>"],
  [/^logwatcher-ignore-([a-z][a-z0-9_]*)$/, "logwatch-$1-ignore", "logwatcher-ignore-<name>"],
  [/^logwatcher-once-([a-z][a-z0-9_]*)$/, "logwatch-$1-once", "logwatcher-once-<name>"],
];

/** Where a client connects to, in parts. */
interface Client {
  readonly now: "cache" | "queue";
  /** The URL's scheme by the type; empty where processes share one without a setting. */
  readonly schemes: Readonly<Record<string, string>>;
}

const clients: Readonly<Record<string, Client>> = {
  "cache-type": {
    now: "cache",
    schemes: { redis: "redis", memcache: "memcache", memcached: "memcache", hazelcast: "hazelcast", local: "", lru: "", nanomsg: "" },
  },
  "queue-type": { now: "queue", schemes: { redis: "redis", amqp: "amqp", rabbitmq: "amqp", local: "", lru: "", nanomsg: "" } },
};

/** The names that go with a type: the first one that is given counts. */
const hostsOf = (type: string, scheme: string): readonly string[] => [`${type.replace("-type", "")}-host`, `${scheme}-host`];
const portsOf = (type: string, scheme: string): readonly string[] => [`${type.replace("-type", "")}-port`, `${scheme}-port`];

/** The names that are read along with another one. */
const withOthers: Readonly<Record<string, readonly string[]>> = {
  "smtp-host": ["smtp-port", "smtp-user", "smtp-password", "smtp-ssl", "smtp-tls"],
  "ssl-request-cert": ["ssl-reject-unauthorized"],
};

/** The names that are read along with a type; none for a name that is no type. */
function partsOf(name: string, type: string): readonly string[] {
  if (Object.hasOwn(withOthers, name)) return withOthers[name]!;
  const schemes = Object.hasOwn(clients, name) ? clients[name]!.schemes : {};
  const scheme = Object.hasOwn(schemes, type) ? schemes[type]! : "";
  return scheme === "" ? [] : [...hostsOf(name, scheme), ...portsOf(name, scheme)];
}

function smtpUrl(host: string, valueOf: (name: string) => string | undefined): string {
  const isOn = (name: string): boolean => bool.read(valueOf(name)) === true;
  const [user, password, port] = ["smtp-user", "smtp-password", "smtp-port"].map(valueOf);
  const login = user === undefined ? "" : `${encodeURIComponent(user)}:${encodeURIComponent(password ?? "")}@`;
  return `${isOn("smtp-ssl") || isOn("smtp-tls") ? "smtps" : "smtp"}://${login}${host}${port === undefined ? "" : `:${port}`}`;
}

const parts = new Set([
  ...Object.keys(withOthers),
  ...Object.values(withOthers).flat(),
  ...Object.entries(clients).flatMap(([name, { schemes }]) => [name, ...Object.keys(schemes).flatMap((type) => partsOf(name, type))]),
]);

/** Names that are taken beside those of settings. */
export const oldSettings: readonly string[] = [
  ...Object.keys(renamed),
  ...Object.keys(gone),
  "msg-app-team-X",
  oldPushKey,
  ...moved.map(([, , shown]) => shown),
  ...parts,
];

/** Whether a name is one of them. */
export const isOldSetting = (name: string): boolean =>
  Object.hasOwn(renamed, name) ||
  whyGone(name) !== undefined ||
  isOldPushKey(name) ||
  parts.has(name) ||
  moved.some(([old]) => old.test(name));

/**
 * What one place gives, in our names, and what is to be told of it.
 *
 * @throws SettingsError for a value that cannot be understood
 */
export function inOurNames(given: readonly Given[]): { readonly given: readonly Given[]; readonly warnings: readonly string[] } {
  if (!given.some(({ name }) => isOldSetting(name))) return { given, warnings: [] };
  const warnings: string[] = [];
  const ours = given.flatMap((each): Given[] => {
    if (!isOldSetting(each.name)) return [each];
    const why = whyGone(each.name);
    if (why !== undefined) {
      warnings.push(`${each.where}: ${each.name} has no effect: ${why}`);
      return [];
    }
    if (isOldPushKey(each.name)) {
      const other = given.find(({ name, role }) => isOldPushKey(name) && name !== each.name && role === each.role);
      if (other !== undefined)
        throw invalidSetting(
          each.name,
          `${each.where}: ${each.name}: there is another key, ${other.name}; several are options of push in code`,
        );
      warnings.push(`${each.where}: ${each.name} is an old name; write push-apns-team, push-apns-key-id and push-apns-key@file`);
      return [...pushKeySettings(each)];
    }
    const { now, text } = translated(each, given);
    if (now === undefined) {
      if (!given.some(({ name, text: type = "" }) => partsOf(name, type).includes(each.name)))
        warnings.push(`${each.where}: ${each.name} has no effect without ${neededBy(each.name)}`);
      return [];
    }
    warnings.push(
      `${each.where}: ${each.name} is an old name; ${text === "" ? "leave it out, as the processes of a server share one" : `write ${now}=${text === undefined ? "~" : redactUrl(text)}`}`,
    );
    return text === "" ? [] : [{ ...each, name: now, text }];
  });
  return { given: ours, warnings };
}

function neededBy(name: string): string {
  if (name.startsWith("smtp-")) return "smtp-host beside it; write mail-transport with a URL";
  if (name.startsWith("ssl-")) return "ssl-request-cert beside it; write tls-client-cert";
  return "cache-type or queue-type beside it; write cache or queue with a URL";
}

/** How certificates of clients are asked for: as in Node, a client without a right one was refused unless it was said otherwise. */
function clientCert(text: string, reject: string | undefined): string | undefined {
  const isAsked = bool.read(text);
  if (isAsked === undefined) return undefined;
  return !isAsked ? "none" : bool.read(reject ?? "true") === false ? "request" : "require";
}

function translated(
  { name, text, where }: Given,
  all: readonly Given[],
): { readonly now: string | undefined; readonly text: string | undefined } {
  const [form, now] = moved.find(([old]) => old.test(name)) ?? [];
  if (form !== undefined) return { now: name.replace(form, now!), text };
  const renaming = Object.hasOwn(renamed, name) ? renamed[name] : undefined;
  if (renaming !== undefined) {
    const value = text === undefined ? undefined : renaming.value(text);
    if (text !== undefined && value === undefined)
      throw invalidSetting(name, `${where}: ${name} must be an integer; it is ${renaming.now} now`);
    return { now: renaming.now, text: value };
  }
  const client = Object.hasOwn(clients, name) ? clients[name] : undefined;
  const valueOf = (own: string): string | undefined => all.find((each) => each.name === own)?.text;
  if (name === "smtp-host") return { now: "mail-transport", text: text === undefined ? undefined : smtpUrl(text, valueOf) };
  if (name === "ssl-request-cert") {
    const asked = text === undefined ? undefined : clientCert(text, valueOf("ssl-reject-unauthorized"));
    if (text !== undefined && asked === undefined)
      throw invalidSetting(name, `${where}: ${name} must be ${bool.mustBe}; it is tls-client-cert now`);
    return { now: "tls-client-cert", text: asked };
  }
  // Hosts and ports are read with the type that they belong to.
  if (client === undefined) return { now: undefined, text };
  if (text === undefined) return { now: client.now, text };
  const scheme = Object.hasOwn(client.schemes, text) ? client.schemes[text]! : undefined;
  if (scheme === undefined)
    throw invalidSetting(
      name,
      `${where}: ${name} must be one of ${Object.keys(client.schemes).join(", ")}; write ${client.now} with a URL`,
    );
  if (scheme === "") return { now: client.now, text: "" };
  const first = (names: readonly string[]): string | undefined =>
    names.map((own) => all.find((each) => each.name === own)?.text).find(Boolean);
  const [host = "127.0.0.1", port] = [first(hostsOf(name, scheme)), first(portsOf(name, scheme))];
  const url = host.includes("://") ? host : `${scheme}://${host}`;
  return { now: client.now, text: port === undefined || /:\d+$/.test(url) ? url : `${url}:${port}` };
}
