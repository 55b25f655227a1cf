// Indexes as the server has them.

import type { Engine } from "./engine.js";
import { HttpError } from "./transport.js";

/** A field of a mapping. */
export interface Field {
  readonly type?: string;
  /** Notes of this driver, of a field that it made. */
  readonly meta?: Readonly<Record<string, string>>;
  readonly properties?: Fields;
  readonly fields?: Fields;
  readonly [setting: string]: unknown;
}
export type Fields = Readonly<Record<string, Field>>;

/** The fields of the index that a name stands for; undefined where there is none. */
export async function readFields(engine: Engine, name: string, signal: AbortSignal | undefined): Promise<Fields | undefined> {
  try {
    const found = await engine.send<Readonly<Record<string, { readonly mappings?: { readonly properties?: Fields } }>>>(
      { method: "GET", path: `/${name}/_mapping` },
      signal,
    );
    const [first] = Object.values(found);
    return first === undefined ? undefined : (first.mappings?.properties ?? {});
  } catch (error) {
    if (isMissingIndex(error)) return undefined;
    throw error;
  }
}

/** Whether a name is an alias, or of nothing; false: it is an index. */
export async function isAliasOrNothing(engine: Engine, name: string, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    const found = await engine.send<Readonly<Record<string, unknown>>>({ method: "GET", path: `/${name}/_alias` }, signal);
    return !Object.hasOwn(found, name);
  } catch (error) {
    if (isMissingIndex(error)) return true;
    throw error;
  }
}

export function isMissingIndex(error: unknown): boolean {
  return error instanceof HttpError && error.status === 404;
}
