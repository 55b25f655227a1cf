// The page of measured tables: each stands between two comments with its name and is replaced as a whole.

import { readFileSync, writeFileSync } from "node:fs";

const page = new URL("../../docs/performance.md", import.meta.url);

/** @throws Error naming a section that the page does not have */
export function writeSections(sections: Readonly<Record<string, string>>): void {
  let text = readFileSync(page, "utf8");
  for (const [name, table] of Object.entries(sections)) {
    const [begin, end] = [`<!-- measured: ${name} -->`, `<!-- end: ${name} -->`];
    const [from, to] = [text.indexOf(begin), text.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`docs/performance.md has no section ${begin} … ${end}`);
    text = `${text.slice(0, from + begin.length)}\n\n${withoutHeadings(table)}\n\n${text.slice(to)}`;
  }
  writeFileSync(page, text);
}

/** The page has headings of its own. */
function withoutHeadings(table: string): string {
  return table.trim().replaceAll(/^## (.*)$/gm, "$1:");
}
