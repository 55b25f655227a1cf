// An app of some size, written out as source: what its types cost the compiler is measured (types.ts) and bounded (test/types-cost.test.ts).

export interface ProgramSize {
  readonly tables: number;
  /** Of each table. */
  readonly columns: number;
  readonly calls: number;
}

/** Settings of columns beside the key, which take turns. */
const kinds = [
  "{}",
  '{ type: "int", index: 1 }',
  '{ type: "counter" }',
  '{ type: "now" }',
  "{ notEmpty: true }",
  '{ values: ["open", "done", "lost"], value: "open" }',
  '{ type: "json" }',
  '{ type: "set" }',
  '{ type: "decimal", index: 1 }',
  '{ type: "bool" }',
  '{ type: "timestamp" }',
  '{ type: "email", unique: 1 }',
  '{ type: "int64" }',
  '{ type: "list", of: "int" }',
  '{ type: "real", min: 0 }',
];

/** Calls on table `t`, which take turns; `c<n>` is a column of the kind with that place above. */
const calls: readonly ((t: string) => string)[] = [
  (t) => `const row = await db.get("${t}", { owner: "a", at: 1 }); if (row !== undefined) use(row.c0, row.c2, row.c4.length, row.c5);`,
  (t) => `const row = await db.get("${t}", { owner: "a", at: 1 }, { select: ["c1", "c3"] }); use(row?.c1, row?.c3);`,
  (t) =>
    `const { rows, next } = await db.select("${t}", { owner: "a", at: { $gt: 1 } }, { sort: "-at", count: 20 }); use(rows[0]?.c8, next);`,
  (t) =>
    `const { rows } = await db.select("${t}", { c1: { $ge: 1, $lt: 9 }, $or: { c5: "open", c9: true } }, { scan: true, select: ["c0"] }); use(rows[0]?.c0);`,
  (t) => `const { affected } = await db.add("${t}", { owner: "a", at: 1, c4: "x", c5: "done", c7: ["a"] }); use(affected);`,
  (t) =>
    `const { row } = await db.put("${t}", { owner: "a", at: 1, c4: "x", c6: { a: [1] }, c8: "1.5" }, { returning: "new" }); use(row?.c2);`,
  (t) => `await db.update("${t}", { owner: "a", at: 1, c1: 5 }, { where: { c1: 4, c5: ["open", "lost"] } });`,
  (t) => `const { row } = await db.incr("${t}", { owner: "a", at: 1, c2: 1 }, { returning: "new" }); use(row?.c2);`,
  (t) => `for await (const row of db.scan("${t}", { owner: "a" })) use(row.c12, row.c13);`,
  (t) => `use(await db.count("${t}", { c9: false }, { scan: true }), await db.del("${t}", { owner: "a", at: 1 }));`,
  (t) => `await db.updateAll("${t}", { c5: "open" }, { c5: "lost", c10: new Date(0) }, { scan: true });`,
  (t) => `await db.transaction(async (tx) => { await tx.put("${t}", { owner: "a", at: 1, c4: "x" }); });`,
];

/** Its files by name; `calls.ts` is absent where there are none. */
export function typesProgram({ tables, columns, calls: count }: ProgramSize): Record<string, string> {
  const definitions = Array.from({ length: tables }, (_, i) => `  t${i}: {\n${columnsOf(columns).join("\n")}\n  },`);
  const program = {
    "tables.ts": `import { defineTables } from "@bk/db";\n\nexport const tables = defineTables({\n${definitions.join("\n")}\n});\n`,
  };
  if (count === 0) return program;
  const functions = Array.from({ length: count }, (_, i) => {
    const body = calls[i % calls.length]!(`t${i % tables}`);
    return `export async function call${i}(): Promise<void> { ${body} }`;
  });
  const head = [
    'import { openDb } from "@bk/db";',
    'import { tables } from "./tables.js";',
    'const db = await openDb({ url: "memory:", tables });',
    "declare function use(...values: unknown[]): void;",
  ];
  return { ...program, "calls.ts": `${[...head, ...functions].join("\n")}\n` };
}

function columnsOf(count: number): string[] {
  const key = ["    owner: { primary: 1 },", '    at: { type: "bigint", primary: 2 },'];
  return [...key, ...Array.from({ length: count - key.length }, (_, i) => `    c${i}: ${kinds[i % kinds.length]},`)];
}
