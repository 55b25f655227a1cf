// `allow-ip` and `deny-ip`: networks, each for everybody, or for a type of accounts, or for a path: `10.0.0.0/8, admin /system/* 10.1.0.0/16`.

import { networkTest, type NetworkRule } from "@bk/auth";

interface Entry {
  readonly type: string | undefined;
  readonly path: string | undefined;
  readonly network: string;
}

/** The entry of a text; undefined for one that is none. */
function entryOf(text: string): Entry | undefined {
  const words = text.split(/\s+/);
  const network = words.pop()!;
  const path = words.at(-1)?.startsWith("/") === true ? words.pop() : undefined;
  const type = words.pop();
  const isType = type === undefined || /^[A-Za-z][\w-]*$/.test(type);
  return words.length === 0 && isType && typeof networkTest([network]) === "function" ? { type, path, network } : undefined;
}

const entriesOf = (text = ""): (Entry | undefined)[] => (text === "" ? [] : text.split(",").map((item) => entryOf(item.trim())));

export function isNetworkList(text: string): boolean {
  return entriesOf(text).every((entry) => entry !== undefined);
}

/** A rule for each type and path that is named. */
export function networkRules(allow: string | undefined, deny: string | undefined): NetworkRule[] {
  const rules = new Map<string, { paths?: string[]; types?: string[]; allow?: string[]; deny?: string[] }>();
  const add = (list: "allow" | "deny", text: string | undefined): void => {
    for (const entry of entriesOf(text)) {
      const { type, path, network } = entry!;
      const key = JSON.stringify([type, path]);
      const rule = rules.get(key) ?? { ...(type === undefined ? {} : { types: [type] }), ...(path === undefined ? {} : { paths: [path] }) };
      rules.set(key, { ...rule, [list]: [...(rule[list] ?? []), network] });
    }
  };
  add("allow", allow);
  add("deny", deny);
  return [...rules.values()];
}
