// What the drivers of caches can do, as Markdown for the reference.
import type { Capabilities } from "../packages/cache/src/driver.js";
import { markdownTable, type Proof } from "./capability-tables.js";

export function cacheCapabilitiesPage(drivers: ReadonlyMap<string, Capabilities>, proofs: readonly Proof[]): string {
  const all = [...drivers.values()];
  const names = [...new Set(all.flatMap((facts) => Object.keys(facts)))] as (keyof Capabilities)[];
  const cell = (value: Capabilities[keyof Capabilities]): string =>
    value === undefined || value === false ? "–" : value === true ? "yes" : value.toLocaleString("en");
  return `# Capabilities of caches

What each driver of \`@bk/cache\` does. What it does not is \`unsupported\`. The meaning of each capability is in
\`packages/cache/src/driver.ts\`.

${markdownTable(
  ["capability", ...drivers.keys()],
  names.map((name) => [`\`${name}\``, ...all.map((facts) => cell(facts[name]))]),
)}

## Proven on

Every driver passes the same behaviour suite, on the server that is named here.

${markdownTable(
  ["driver", "in an ordinary run", "not proven there"],
  proofs.map(({ id, provenOn, notProven = "" }) => [id, provenOn, notProven]),
)}
`;
}
