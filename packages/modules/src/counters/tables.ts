import type { ColumnDefinition, ColumnDefinitions } from "@bk/db";

const counter: ColumnDefinition = { type: "counter" };

/** The counters of an app beside `ping`, `like0`, `like1`, `follow0` and `follow1`, by name. */
export type CounterColumns = Readonly<Record<string, Pick<ColumnDefinition, "pub">>>;

/**
 * The table of counters: one row for each account. A pair `X0` and `X1` counts what I did and what was done to me; connections of
 * type `X` keep it, and nobody else.
 */
export function counterTables(more: CounterColumns = {}): { readonly bk_counter: ColumnDefinitions } {
  const own = Object.entries(more).map(([name, { pub }]) => [name, { ...counter, ...(pub === true ? { pub } : {}) }]);
  return {
    bk_counter: {
      id: { primary: 1, pub: true },
      /** Everybody may add to it. */
      ping: { ...counter, pub: true },
      like0: counter,
      like1: counter,
      follow0: counter,
      follow1: counter,
      /** Tokens of changes that connections have begun and not ended, on engines that write one row at a time. */
      applied: { type: "set", value: [], secure: true },
      ...Object.fromEntries(own),
    },
  };
}
