// The proxy as its settings say.

import type { Config } from "../config/config.js";
import { invalidSetting } from "../config/errors.js";
import type { ProxyOptions, ProxyTarget } from "../proxy/proxy-options.js";
import { readSettingFile } from "./read-setting-file.js";
import type { allSettings } from "./settings.js";

type Settings = Pick<Config<typeof allSettings>, "get" | "matching">;

/**
 * Undefined where nothing is passed on.
 *
 * @throws SettingsError for targets without servers, and certificates that cannot be read
 */
export function proxyOf(config: Settings): ProxyOptions | undefined {
  const targets = targetsOf(config);
  const ca = config.get("proxy-ca")?.map((file) => readSettingFile("proxy-ca", file));
  if (targets.length === 0) return undefined;
  const path = config.get("proxy-health");
  return {
    targets,
    balance: config.get("proxy-balance"),
    sticky: config.get("proxy-sticky"),
    timeoutMs: config.get("proxy-timeout"),
    connectTimeoutMs: config.get("proxy-connect-timeout"),
    outMs: config.get("proxy-out"),
    maxConnections: config.get("proxy-max-connections"),
    maxBodyBytes: config.get("proxy-max-body"),
    ca,
    health: path === undefined ? undefined : { path, intervalMs: config.get("proxy-health-interval") },
  };
}

function targetsOf(config: Settings): ProxyTarget[] {
  const of = <Value>(definition: string): ReadonlyMap<string, Value> => config.matching(definition) as ReadonlyMap<string, Value>;
  const servers = of<readonly string[]>("proxy-*-to");
  const [hosts, paths] = [of<RegExp>("proxy-*-host"), of<RegExp>("proxy-*-path")];
  for (const name of [...hosts.keys(), ...paths.keys()])
    if (!servers.has(name)) throw invalidSetting(`proxy-${name}-to`, `proxy-${name}-to is missing: the servers of that target`);
  const reverse = config.get("proxy-reverse");
  if (reverse !== undefined && servers.has("reverse"))
    throw invalidSetting("proxy-reverse", "give either proxy-reverse or proxy-reverse-to");
  return [
    ...[...servers].map(([name, to]) => ({ name, to, host: hosts.get(name), path: paths.get(name) })),
    ...[...byPattern(of<RegExp>("api-proxy-host-*"))].map(([source, to], i) => ({ name: `host_${i}`, to, host: new RegExp(source) })),
    ...[...of<readonly string[]>("api-proxy-url-*")].map(([source, to], i) => ({ name: `url_${i}`, to, path: pathPattern(source) })),
    ...(reverse === undefined ? [] : [{ name: "reverse", to: reverse }]),
  ];
}

/** Several URLs for one pattern share its requests. */
function byPattern(hosts: ReadonlyMap<string, RegExp>): ReadonlyMap<string, readonly string[]> {
  const urls = new Map<string, string[]>();
  for (const [url, { source }] of hosts) urls.set(source, [...(urls.get(source) ?? []), url]);
  return urls;
}

function pathPattern(source: string): RegExp {
  try {
    return new RegExp(source);
  } catch (cause) {
    throw invalidSetting(`api-proxy-url-${source}`, "api-proxy-url: what stands in the name must be a regular expression", cause);
  }
}
