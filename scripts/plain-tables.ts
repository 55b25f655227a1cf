// What the drivers of a package can do, as Markdown for the reference: where capabilities are numbers, names and flags.
import { markdownTable, type Proof } from "./capability-tables.js";

/** What the drivers of one kind can do, by their names. */
interface Kind {
  /** Names the kind, where a page has several. */
  readonly heading?: string;
  /** The file that says what each capability means. */
  readonly contract: string;
  readonly drivers: ReadonlyMap<string, object>;
}

export function plainCapabilitiesPage(title: string, kinds: readonly Kind[], proofs: readonly Proof[]): string {
  return `# ${title}

What each driver does. What it does not is \`unsupported\`.

${kinds.map(section).join("\n\n")}

## Proven on

Every driver passes the same behaviour suite, on the server that is named here.

${markdownTable(
  ["driver", "in an ordinary run", "not proven there"],
  proofs.map(({ id, provenOn, notProven = "" }) => [id, provenOn, notProven]),
)}
`;
}

function section({ heading, contract, drivers }: Kind): string {
  const all = [...drivers.values()].map((facts) => new Map(flat(facts)));
  const names = [...new Set(all.flatMap((facts) => [...facts.keys()]))];
  const table = markdownTable(
    ["capability", ...drivers.keys()],
    names.map((name) => [`\`${name}\``, ...all.map((facts) => facts.get(name) ?? "–")]),
  );
  return `${heading === undefined ? "" : `## ${heading}\n\n`}The meaning of each capability is in \`${contract}\`.\n\n${table}`;
}

/** Each capability with its text; what has members has a line for each. */
function flat(facts: object, before = ""): [string, string][] {
  return Object.entries(facts).flatMap(([name, value]: [string, unknown]): [string, string][] => {
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return flat(value, `${before}${name}.`);
    return [[before + name, textOf(value)]];
  });
}

function textOf(value: unknown): string {
  if (value === undefined || value === false) return "–";
  if (value === true) return "yes";
  return Array.isArray(value) ? value.join(", ") : (value as string | number).toLocaleString("en");
}
