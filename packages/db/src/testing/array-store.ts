import { compareText } from "../schema/compare.js";
import { entryOf, keyOfEntry, type KvChange, type KvLink, type KvRange, type KvResult, type KvStore } from "../engines/kv/store.js";

interface ArrayRow {
  readonly value: string;
  readonly links: readonly KvLink[];
}

/** An ordered key-value store in plain maps and arrays: the store contract at its shortest. Rows do not expire. */
export function arrayStore(): KvStore {
  const tables = new Map<string, Map<string, ArrayRow>>();
  const tableOf = (name: string): Map<string, ArrayRow> => {
    let table = tables.get(name);
    if (table === undefined) tables.set(name, (table = new Map()));
    return table;
  };
  const entriesOf = (name: string, { space, from, to }: KvRange): string[] =>
    [...tableOf(name)]
      .flatMap(([key, row]) =>
        space === undefined ? [key] : row.links.filter((link) => link.space === space).map((link) => entryOf(link.text, key)),
      )
      .filter((entry) => compareText(entry, from) >= 0 && (to === undefined || compareText(entry, to) < 0))
      .sort(compareText);

  return {
    get: async (name, keys) => keys.map((key) => tableOf(name).get(key)?.value),
    async range(name, range, { descending, limit }) {
      const entries = entriesOf(name, range);
      if (descending) entries.reverse();
      const page = entries.slice(0, limit);
      const valueAt = (entry: string): string => tableOf(name).get(range.space === undefined ? entry : keyOfEntry(entry))!.value;
      return {
        entries: page.map((entry) => ({ entry, value: valueAt(entry) })),
        end: entries.length > limit ? page.at(-1) : undefined,
      };
    },
    async write(changes) {
      const refused = refusal(changes, (change) => tableOf(change.table));
      if (refused !== undefined) return refused;
      for (const { table, key, value, links } of changes)
        if (value === undefined) tableOf(table).delete(key);
        else tableOf(table).set(key, { value, links });
      return { kind: "done" };
    },
    count: async (name, range) => entriesOf(name, range).length,
    close: async () => undefined,
  };
}

function refusal(
  changes: readonly KvChange[],
  tableOf: (change: KvChange) => ReadonlyMap<string, ArrayRow>,
): Exclude<KvResult, { kind: "done" }> | undefined {
  const conflict = changes.findIndex((change) => !isAsExpected(change, tableOf(change).get(change.key)));
  if (conflict >= 0) return { kind: "conflict", change: conflict };
  for (const [i, change] of changes.entries())
    for (const link of change.links) {
      if (!link.unique) continue;
      const owner = ownerOf(link, change, changes.slice(0, i), changes, tableOf(change));
      if (owner !== undefined) return { kind: "taken", change: i, space: link.space, owner };
    }
  return undefined;
}

function isAsExpected({ expect }: KvChange, row: ArrayRow | undefined): boolean {
  if (expect === undefined) return true;
  if (expect === "absent") return row === undefined;
  return row !== undefined && (expect === "present" || row.value === expect.value);
}

/** Another row that has a unique text when all changes are made. */
function ownerOf(
  link: KvLink,
  { table, key }: KvChange,
  earlier: readonly KvChange[],
  changes: readonly KvChange[],
  rows: ReadonlyMap<string, ArrayRow>,
): string | undefined {
  const isSame = (other: KvLink): boolean => other.unique && other.space === link.space && other.text === link.text;
  const rival = earlier.find((change) => change.table === table && change.links.some(isSame));
  if (rival !== undefined) return rival.key;
  const changed = new Set(changes.filter((change) => change.table === table).map((change) => change.key));
  return [...rows].find(([other, row]) => other !== key && !changed.has(other) && row.links.some(isSame))?.[0];
}
