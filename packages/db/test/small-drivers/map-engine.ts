// What the small drivers stand on: rows in maps of this process, reached as over a network, each command a turn of the loop.

import { BkError } from "@bk/core";
import type { Classified, Shape, Values } from "@bk/db";

import { compileMemory, type MemoryCommand } from "../../src/drivers/memory/compile.js";
import { draftOf, MemoryStore, type Tables } from "../../src/drivers/memory/store.js";
import type { Reply } from "../../src/driver.js";

/** What these engines throw: native errors, which the drivers classify. */
export class EngineError extends Error {
  readonly kind: "taken" | "busy" | "down";

  constructor(kind: EngineError["kind"]) {
    super(`the engine says: ${kind}`);
    this.kind = kind;
  }
}

const meanings: Readonly<Record<EngineError["kind"], Classified>> = {
  taken: { code: "already-exists", message: "a row with this value exists" },
  busy: { code: "limited", outcome: "none", message: "the engine is busy" },
  down: { code: "unavailable", outcome: "none", message: "the engine cannot be reached" },
};

export function classify(error: unknown): Classified | undefined {
  return error instanceof EngineError ? meanings[error.kind] : undefined;
}

/** A turn of the loop: other calls come between. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export class MapEngine {
  readonly #store = new MemoryStore();
  readonly #names = new Set<string>();
  #late: Tables | undefined;
  /** Called before each command; may throw, or take its time. */
  before: (shape: Shape, values: Values) => void | Promise<void> = () => undefined;

  compile(shape: Shape): MemoryCommand {
    return compileMemory(shape);
  }

  /** From now on reads that do not ask for the latest rows see those of this moment; `false`: no more. */
  lag(isLate = true): void {
    const draft = draftOf(this.#store);
    for (const name of this.#names) draft.write(name);
    this.#late = isLate ? draft : undefined;
  }

  /** @param now  for rows that have expired; 0 where the engine knows of none */
  carryOut({ shape, writes, run }: MemoryCommand, values: Values, now = 0): Reply {
    this.#names.add(shape.table.name);
    const isLate = !writes && "consistent" in shape && !shape.consistent;
    try {
      return run(isLate ? (this.#late ?? this.#store) : this.#store, values, now);
    } catch (error) {
      // The maps speak as the core does; an engine of somebody else's does not.
      if (error instanceof BkError && error.code === "already-exists") throw new EngineError("taken");
      throw error;
    }
  }
}
