// The settings of modules, as each of them sees its own.

import type { BackendModule, ModuleConfig } from "@bk/modules";

/** Where settings of modules come from: `openConfig` of `@bk/server/config`, whose names are `MODULE-NAME`. */
export interface SettingsSource {
  get(name: string): unknown;
  onChange(listener: (changed: ReadonlySet<string>) => void): () => void;
}

/** @param source  default: nobody gives them, so that their defaults hold */
export function moduleConfig({ name: module, config = {} }: BackendModule, source: SettingsSource | undefined): ModuleConfig {
  const prefix = `${module}-`;
  return {
    get(name) {
      const parameter = Object.hasOwn(config, name) ? config[name] : undefined;
      if (parameter === undefined) throw new TypeError(`the module ${module} describes no setting ${JSON.stringify(name)}`);
      return source === undefined ? parameter.default : source.get(prefix + name);
    },
    onChange(listener) {
      if (source === undefined) return () => undefined;
      return source.onChange((changed) => {
        const own = [...changed].filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
        if (own.length > 0) listener(new Set(own));
      });
    },
  };
}
