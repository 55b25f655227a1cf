// The modules of Node, where the runtime has them. They are asked for and not imported, so that a bundle with all of this
// code loads in workers and browsers too.

export interface NodeModules {
  readonly "node:async_hooks": typeof import("node:async_hooks");
  readonly "node:crypto": typeof import("node:crypto");
  readonly "node:events": typeof import("node:events");
  readonly "node:fs": typeof import("node:fs");
  readonly "node:path": typeof import("node:path");
}

/** A module of Node such as `node:crypto`; undefined where the runtime has none. */
export function findNodeModule<Name extends keyof NodeModules>(name: Name): NodeModules[Name] | undefined {
  return globalThis.process?.getBuiltinModule?.(name) as NodeModules[Name] | undefined;
}

/**
 * A module of Node that the caller cannot do without.
 *
 * @throws Error where the runtime does not have it, naming it
 */
export function nodeModule<Name extends keyof NodeModules>(name: Name): NodeModules[Name] {
  const found = findNodeModule(name);
  if (found === undefined) throw new Error(`this needs ${name}, which this runtime does not have`);
  return found;
}
