// The API reference: typedoc's Markdown, one page for each entry of a package, without what a page says twice.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, posix, sep } from "node:path";

/**
 * Runs typedoc.
 *
 * @param docs  the folder with its configuration
 * @returns the pages by file name, such as `db-testing.md`
 */
export function apiPages(docs: string): Map<string, string> {
  const out = mkdtempSync(join(tmpdir(), "bk-docs-"));
  try {
    const typedoc = join(docs, "node_modules/typedoc/bin/typedoc");
    const { status, stderr } = spawnSync(process.execPath, [typedoc, "--out", out, "--logLevel", "Warn"], { cwd: docs, encoding: "utf8" });
    if (status !== 0) throw new Error(`typedoc ended with ${status}\n${stderr}`);
    const files = readdirSync(out, { recursive: true, encoding: "utf8" }).map((file) => file.split(sep).join("/"));
    const pages = files.filter((file) => /\/src(\/|\.md$)/.test(file) && file.endsWith(".md"));
    return new Map(pages.map((file) => [pageName(file), tidy(file, readFileSync(join(out, file), "utf8"))]));
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

/** `db/src.md` is `db.md`, `db/src/testing.md` is `db-testing.md`, and so is what `@bk/db/kv` has in a folder of its own. */
function pageName(file: string): string {
  return file.replace("/src", "").replace("/engines", "").replaceAll("/", "-");
}

/** Titles of the pages that are not entry points of a package. */
const titles: Readonly<Record<string, string>> = { "db-driver.md": "@bk/db, for drivers" };

function tidy(file: string, text: string): string {
  const page = pageName(file);
  const title = titles[page] ?? `@bk/${page.replace(".md", "").replace("-", "/")}`;
  // Members that an interface only inherits are told where they belong.
  const sections = text
    .split(/^(?=#{1,4} )/m)
    .filter((section) => !(section.startsWith("#### ") && section.includes("\n##### Inherited from\n")));
  const own = sections.filter((section) => !section.includes("\nRe-exports ["));
  const others = sections.flatMap((section) => /\nRe-exports (\[.*\))/.exec(section)?.[1] ?? []);
  const also = others.length === 0 ? "" : `\n## Also exported\n\n${others.join(", ")}\n`;
  return `${own.join("").trimEnd()}\n${also}`
    .replace(/^# .*$/m, `# ${title}`)
    .replaceAll(/<a id="[^"]*"><\/a> /g, "")
    .replaceAll(/\]\(([^)#]+\.md)#/g, (_, to: string) => `](${pageName(posix.join(posix.dirname(file), to))}#`)
    .replaceAll(/\](\(#(?:property|type-parameter)-[^)]*\))/g, "]")
    .replaceAll(/\n{3,}/g, "\n\n")
    .replaceAll(/^### \w+\n\n(?=## )/gm, "");
}
