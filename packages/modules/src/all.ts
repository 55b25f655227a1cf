// Every module by its name, for programs that are told by configuration which ones to have.

import { BkError } from "@bk/core";

import { accounts } from "./accounts/index.js";
import { connections } from "./connections/index.js";
import type { BackendModule } from "./contract/module.js";
import { counters } from "./counters/index.js";
import { messages } from "./messages/index.js";
import { files } from "./files/index.js";
import { icons } from "./icons/index.js";
import { locations } from "./locations/index.js";
import { pico } from "./pico/index.js";
import { pushcart } from "./pushcart/index.js";
import { status } from "./status/index.js";
import { pages } from "./pages/index.js";
import { system, type SystemOptions } from "./system/index.js";

/** What configuration says of modules. */
export interface ModuleSettings {
  /** Who may add accounts: everybody, or admins alone. Default `admin`. */
  readonly signUp?: "open" | "admin";
  /** Whether every request of an account says that it is there. Default false. */
  readonly statusTouch?: boolean;
  /** What registers clients of pushcart over HTTP. Default: nobody can. */
  readonly pushcartToken?: string | undefined;
  /** What admins may see and do. */
  readonly system?: SystemOptions;
}

/** In the order in which they are started. */
const makers: Readonly<Record<string, (settings: ModuleSettings) => BackendModule>> = {
  accounts: ({ signUp }) => accounts(signUp === undefined ? {} : { signUp }),
  connections: () => connections(),
  counters: () => counters(),
  messages: () => messages(),
  status: ({ statusTouch }) => status(statusTouch === undefined ? {} : { touch: statusTouch }),
  files: () => files(),
  icons: () => icons(),
  locations: () => locations(),
  pico: () => pico(),
  pushcart: ({ pushcartToken }) => pushcart(pushcartToken === undefined ? {} : { authToken: pushcartToken }),
  pages: () => pages(),
  system: ({ system: options }) => system(options),
};

export const moduleNames: readonly string[] = Object.keys(makers);

/**
 * The modules with these names, and those that they need.
 *
 * @param names  `all` stands for every one
 * @throws BkError `invalid` for a name that is none
 */
export function modulesNamed(names: readonly string[], settings: ModuleSettings = {}): BackendModule[] {
  const wanted = new Set(names.includes("all") ? moduleNames : names);
  for (const name of wanted)
    if (!Object.hasOwn(makers, name))
      throw new BkError(
        "invalid",
        `modules: there is no module ${JSON.stringify(name.slice(0, 40))}; there are ${moduleNames.join(", ")}`,
        {
          detail: { field: "modules" },
        },
      );
  const made = new Map<string, BackendModule>();
  const make = (name: string): void => {
    if (made.has(name)) return;
    const module = makers[name]!(settings);
    for (const other of module.needs ?? []) make(other);
    made.set(name, module);
  };
  for (const name of moduleNames) if (wanted.has(name)) make(name);
  return [...made.values()];
}
