// What sections of configuration files and roles of parameters are matched with.

import { hostname } from "node:os";

/** What is known of a process. */
export interface Facts {
  /** What the process does: `server`, `web`, `worker`, `shell`, … */
  readonly role: string;
  readonly home: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What settings say of it: `mode`, `app`, `tag`, `region`, `zone`; empty until they are read. */
  readonly own: Readonly<Record<string, string | undefined>>;
  /** The version of the app, else of bk-server. */
  readonly version: string;
}

/** What processes do. `server`: the only one, or the primary of others. */
export const roles = ["server", "web", "worker", "proxy"] as const;

/** Names that sections and placeholders may have, beside `env.NAME`. */
export const factNames = ["role", "mode", "app", "tag", "region", "zone", "host", "home", "platform", "arch", "version"] as const;

/** The value of a fact; undefined where it has none. */
export function factOf(name: string, { role, home, environment, own, version }: Facts): string | undefined {
  const plain = name.replace(/^process\./, "");
  if (plain.startsWith("env.")) return environment[plain.slice(4)];
  switch (plain) {
    case "role":
      return role;
    case "home":
      return home;
    case "host":
      return hostname();
    case "platform":
      return process.platform;
    case "arch":
      return process.arch;
    case "version":
      return version;
    default:
      return own[plain];
  }
}

export const isFact = (name: string): boolean =>
  /^(process\.)?env\.\w+$/.test(name) || factNames.some((fact) => fact === name.replace(/^process\./, ""));
