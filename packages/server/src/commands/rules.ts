// `bk-server rules explain`: what the rules of a table are, what they become for an account, and how the database serves it.

import { type AccountRules, fillIn, rowRules, type RuleTable, ruleVerbs, type TableAccess } from "@bk/auth/row-rules";
import { authTables } from "@bk/auth";
import { BkError } from "@bk/core";
import { DbError } from "@bk/db";
import type { RuledTable } from "@bk/modules";

import type { ServedDb } from "../data/served-db.js";
import { moduleRules } from "../modules/module-rules.js";
import { tablesOfModules } from "../modules/start-modules.js";
import type { Configuration } from "../settings/configuration.js";
import { allModules } from "./all-modules.js";
import { namingDatabase, openUnsynced } from "./open-database.js";
import { type JsonOption, print as printLine, printJson } from "./output.js";

export interface ExplainOptions extends JsonOption {
  readonly login?: string;
}

type Explain = { explain(verb: string, table: string, ...args: readonly unknown[]): Promise<{ readonly plan: unknown }> };

/** Prints the rules of a table; with a login also what that account may do. */
export async function explainRulesCommand(
  configuration: Configuration,
  { login, json = false }: ExplainOptions,
  name: string,
): Promise<void> {
  const modules = await allModules(configuration);
  const ofModules = tablesOfModules(modules, {});
  const { db, tables, moduleRules: given } = await openUnsynced(configuration, ofModules);
  try {
    const print = (line: string): void => void (json ? printJson({ line }) : printLine(line));
    const own = moduleRules(modules, given, { ...tables, ...authTables }, {});
    const module = modules.find((each) => Object.hasOwn(each.tables, name));
    const ruled = module?.ruled !== undefined && Object.hasOwn(module.ruled, name) ? module.ruled[name] : undefined;
    if (module !== undefined && own?.tables.has(name) !== true) {
      for (const line of unruledLines(name, module.name, ruled)) print(line);
      return;
    }
    const rules = module === undefined ? rowRules(tables) : own!.rules;
    const table = rules.tables.get(name);
    if (table === undefined)
      throw new BkError(
        "not-found",
        `there is no table ${JSON.stringify(name)}; there are ${Object.keys({ ...tables, ...ofModules }).join(", ")}`,
      );
    for (const line of ruleLines(table)) print(line);
    if (module !== undefined) print(`within what the module ${module.name} does with these rows for its callers`);
    for (const warning of rules.warnings) if (warning.startsWith(`${name}:`)) print(`warning: ${warning}`);
    const served = db as unknown as ServedDb;
    const account = login === undefined ? undefined : await namingDatabase(configuration, () => served.get("bk_auth", { login }));
    if (login !== undefined && account === undefined) throw new BkError("not-found", `there is no account ${JSON.stringify(login)}`);
    const held: AccountRules = rules.rulesFor(account as Parameters<typeof rules.rulesFor>[0]);
    print(`\n${name} for ${login ?? "somebody without an account"}`);
    for (const line of await accessLines(served, table, held.table(name)!)) print(line);
  } finally {
    await db.close();
  }
}

function unruledLines(name: string, module: string, ruled: RuledTable | undefined): string[] {
  if (ruled === undefined) return [`${name}: is what the module ${module} keeps for itself, and cannot have rules`];
  const { verbs, needs, writes = [] } = ruled;
  return [
    `${name}: has no rules; the module ${module} says by itself who reads and writes what`,
    `   rules may say ${verbs.join(", ")}`,
    `   rules that read have ${needs.join(", ")} among their columns`,
    ...(writes.length === 0 ? [] : [`   rules that add or update have ${writes.join(", ")} among their columns`]),
  ];
}

function ruleLines({ name, rules, isWritten }: RuleTable): string[] {
  const lines = [`${name}: ${isWritten ? "its rules" : "what its settings and the flags of its columns say"}`];
  for (const [i, { to, rows, columns }] of rules.entries()) {
    lines.push(`${i + 1}. to ${to.join(", ")}`);
    for (const verb of ruleVerbs) {
      if (!rows.has(verb)) continue;
      const condition = rows.get(verb);
      const filter = condition === undefined ? true : fillIn(condition, (field) => `$account.${field}`);
      const named = verb === "del" ? "" : `  columns ${namesOf(columns[verb])}`;
      lines.push(`   ${verb.padEnd(6)} ${filter === true ? "every row" : JSON.stringify(filter)}${named}`);
    }
  }
  return lines;
}

function namesOf({ names, rest }: { readonly names: ReadonlySet<string>; readonly rest: boolean }): string {
  return [...names, ...(rest ? ["*"] : [])].join(", ") || "none";
}

const numbers: ReadonlySet<unknown> = new Set([
  "int",
  "smallint",
  "bigint",
  "counter",
  "now",
  "mtime",
  "ttl",
  "random",
  "real",
  "float",
  "double",
  "number",
]);
const times: ReadonlySet<unknown> = new Set(["date", "timestamp", "datetime"]);

async function accessLines(db: ServedDb, table: RuleTable, access: TableAccess): Promise<string[]> {
  const { name, columns } = table;
  const key = Object.fromEntries(
    Object.entries(columns)
      .filter(([, column]) => column.primary !== undefined && column.join === undefined)
      .map(([column, { type }]) => [column, numbers.has(type) ? 1 : times.has(type) ? new Date(0) : "x"]),
  );
  const lines: string[] = [];
  const show = async (verb: string, where: unknown, named: string, scope: object, explained: readonly [string, object]): Promise<void> => {
    lines.push(`   ${verb.padEnd(6)} ${where === undefined ? "every row" : JSON.stringify(where)}${named}`);
    lines.push(`          ${await servedBy(db, name, scope, explained)}`);
  };
  const { read } = access;
  if (read === undefined) lines.push("   read   nothing");
  else {
    const partly = namesOf({ names: new Set([...read.some.names].filter((column) => !read.every.names.has(column))), rest: false });
    const named = `  columns ${namesOf(read.every)}${partly === "none" ? "" : `; of some rows also ${partly}`}`;
    await show("read", read.where, named, read.where === undefined ? {} : { where: read.where }, ["select", {}]);
  }
  for (const verb of ["add", "put", "update", "del"] as const) {
    const writing = access.writing(verb);
    if (writing === undefined) lines.push(`   ${verb.padEnd(6)} nothing`);
    else {
      const named = verb === "del" ? "" : `  columns ${namesOf(writing.columns)}`;
      await show(verb, writing.where, named, writing.scope, [verb, { ...key, ...(verb === "del" ? {} : writing.scope.set) }]);
    }
  }
  return lines;
}

/** The plan of a call within a scope, or why the database refuses it. */
async function servedBy(db: ServedDb, table: string, scope: object, [verb, argument]: readonly [string, object]): Promise<string> {
  try {
    const own = db.scope({ [table]: scope }) as unknown as Explain;
    const { plan } = await own.explain(verb, table, argument);
    return `${verb}: ${JSON.stringify(plan)}`;
  } catch (error) {
    if (!(error instanceof DbError)) throw error;
    return `${verb}: ${error.code}, ${error.message}`;
  }
}
