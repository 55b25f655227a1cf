// What drivers can do, as Markdown: all of it for the reference, the main points for the README.
import type { Capabilities } from "@bk/db";
import { testDrivers } from "../test/runner/drivers.js";

const row = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;

export const markdownTable = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [row(head), row(head.map(() => "---")), ...rows.map(row)].join("\n");

type Drivers = ReadonlyMap<string, Capabilities>;

const unproven: ReadonlySet<string> = new Set(testDrivers.filter(({ isUnproven }) => isUnproven).map(({ id }) => id));
const headOf = (name: string): string => (unproven.has(name) ? `${name} (unproven)` : name);
type Point = readonly [name: string, of: (capabilities: Capabilities) => string];

const yes = (is: boolean): string => (is ? "yes" : "–");

const mainPoints: readonly Point[] = [
  ["reads by any column", ({ access }) => (access === "any" ? "yes" : "by key and index")],
  ["sorts by any column", ({ sorts }) => yes(sorts.length > 0)],
  ["many rows in one command", ({ byFilter }) => yes(byFilter)],
  ["unique values", ({ unique }) => yes(unique !== "none")],
  ["transactions", ({ transactions }) => transactions],
  ["full-text search", ({ search }) => yes(search)],
  ["gets sent together", ({ group }) => (group.get?.most ?? 1).toLocaleString("en")],
  ["puts sent together", ({ group }) => (group.put?.most ?? 1).toLocaleString("en")],
  ["removes expired rows", ({ ttl }) => yes(ttl)],
  ["types of columns in the store", ({ schema }) => yes(schema)],
];

/** The main points, a line each, a column for each driver. */
export function mainTable(drivers: Drivers): string {
  return markdownTable(
    ["", ...[...drivers.keys()].map(headOf)],
    mainPoints.map(([name, of]) => [name, ...[...drivers.values()].map(of)]),
  );
}

/** Every capability of one driver, for its README. */
export function driverTable(name: string, facts: Capabilities): string {
  const rows = Object.entries(facts).filter(([capability]) => !byKindNames.has(capability));
  const kinds = Object.keys(facts.filters) as (keyof Capabilities["filters"])[];
  const byKind = kinds.map((kind) => [`filters of ${kind}`, operatorsText(facts.filters[kind] ?? [])]);
  return markdownTable(
    ["capability", headOf(name)],
    [...rows.map(([capability, value]) => [`\`${capability}\``, cellOf(value)]), ["`guards`", guardsText(facts)], ...byKind],
  );
}

/** What has a table of its own, or a line of its own. */
const byKindNames: ReadonlySet<string> = new Set(["filters", "guards", "changes"]);

/** What a driver of the tests was tried on. */
export interface Proof {
  readonly id: string;
  readonly provenOn: string;
  readonly notProven?: string;
}

/** Every capability; operators and changes by kind of column; what was proven on what. */
export function capabilitiesPage(drivers: Drivers, proofs: readonly Proof[]): string {
  const all = [...drivers.values()];
  const names = [...new Set(all.flatMap((facts) => Object.keys(facts)))].filter((name) => !byKindNames.has(name));
  const simple = names.map((name) => [`\`${name}\``, ...all.map((facts) => cellOf(facts[name as keyof Capabilities]))]);
  simple.push(["`guards`", ...all.map(guardsText)]);
  const byKind = (what: "filters" | "changes", cell: (names: readonly string[]) => string): string => {
    const kinds = [...new Set(all.flatMap((facts) => Object.keys(facts[what])))] as (keyof Capabilities["filters"])[];
    return markdownTable(
      ["kind", ...[...drivers.keys()].map(headOf)],
      kinds.map((kind) => [kind, ...all.map((facts) => cell(facts[what][kind] ?? []))]),
    );
  };
  return `# Capabilities

What each driver does by itself. What it does not, the core emulates with the same result, or refuses with \`unsupported\`.
The meaning of each capability is in \`packages/db/src/driver.ts\`.

${markdownTable(["capability", ...[...drivers.keys()].map(headOf)], simple)}

## Operators by kind of column

${operatorGroups.map(([name, members]) => `- **${name}**: ${members.join(", ")}`).join("\n")}

\`begins_with\`, \`contains\` and so on stand for the operator and its \`not_\` form.

${byKind("filters", operatorsText)}

## Changes by kind of column

Beside \`set\`.

${byKind("changes", (ops) => (ops.length === 0 ? "–" : ops.join(", ")))}

## Proven on

Every driver passes the same behaviour suite, and the model check, on the server that is named here.

${markdownTable(
  ["driver", "in an ordinary run", "not proven there"],
  proofs.map(({ id, provenOn, notProven = "" }) => [id, provenOn, notProven]),
)}
`;
}

const operatorGroups: readonly (readonly [name: string, members: readonly string[]])[] = [
  ["presence", ["null", "not_null"]],
  ["equality", ["eq", "ne", "in", "not_in"]],
  ["order", ["gt", "ge", "lt", "le", "between", "not_between"]],
];

/** Operators, those of a whole group by its name, and negated ones by the one they negate. */
function operatorsText(given: readonly string[]): string {
  const whole = operatorGroups.filter(([, members]) => members.every((op) => given.includes(op)));
  const told = new Set(whole.flatMap(([, members]) => members));
  const single = given.filter((op) => !told.has(op) && !(op.startsWith("not_") && given.includes(op.slice("not_".length))));
  const parts = [...whole.map(([name]) => name), ...single];
  return parts.length === 0 ? "–" : parts.join(", ");
}

function guardsText({ filters, guards }: Capabilities): string {
  if (guards === "version") return "version";
  return JSON.stringify(guards) === JSON.stringify(filters) ? "as filters" : "of their own";
}

function cellOf(value: unknown): string {
  if (value === undefined || value === false) return "–";
  if (value === true) return "yes";
  if (Array.isArray(value)) return value.length === 0 ? "–" : value.join(", ");
  if (typeof value !== "object" || value === null) return typeof value === "string" ? value : JSON.stringify(value);
  const parts = Object.entries(value).map(([name, inner]) => `${name}: ${cellOf(inner)}`);
  return parts.length === 0 ? "–" : parts.join("; ");
}
