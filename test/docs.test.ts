// Everything that the docs show is tried: TypeScript is type-checked, examples run and print what they say, commands and links lead somewhere.
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { allCommands, buildProgram } from "../packages/server/src/command-line/program.js";
import { initFiles } from "../packages/server/src/commands/init-files.js";
import { type CodeBlock, codeBlocks, localLinks } from "./markdown.js";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
// Inside the root, so that packages resolve as they do for the sources.
const folder = join(root, "node_modules/.cache/docs-test");
const run = promisify(execFile);

const pages = ["README.md", "CONTRIBUTING.md", ...pagesOf("packages"), ...pagesOf("docs")];
const textOf = (page: string): string => readFileSync(join(root, page), "utf8");
const blocks = pages.flatMap((page) => codeBlocks(page, textOf(page)));
const isTypeScript = ({ language }: CodeBlock): boolean => language === "ts";
const examples = blocks.filter(({ mark }) => mark === "example: run");
/** Blocks that are a copy of a file, which is checked where it is. */
const copies = blocks.filter(({ mark }) => mark?.startsWith("file: "));
const modules = blocks.filter((block) => isTypeScript(block) && !copies.includes(block));

function pagesOf(place: string): string[] {
  const outside = /(^|\/)(node_modules|dist|reference)\//;
  return readdirSync(join(root, place), { recursive: true, encoding: "utf8" })
    .map((path) => join(place, path).split(sep).join("/"))
    .filter((path) => path.endsWith(".md") && !outside.test(path) && basename(path) !== "CHANGELOG.md");
}

/** Long enough on a machine that is busy: five run at a time. */
const exampleMs = 60_000;

const place = ({ file, line }: CodeBlock): string => `${file}:${line}`;
const moduleOf = ({ file, line }: CodeBlock): string => join(folder, `${file.replaceAll(/[/.]/g, "-")}-${line}.ts`);

beforeAll(() => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  // Empty lines in front keep the line numbers of the page.
  for (const block of modules) writeFileSync(moduleOf(block), `${"\n".repeat(block.line - 1)}${block.code}\nexport {};\n`);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  // Installed beside the package that it is for, which pages are not.
  const betterAuth = join(root, "packages/auth/node_modules/better-auth");
  mkdirSync(join(folder, "node_modules"));
  if (existsSync(betterAuth)) symlinkSync(betterAuth, join(folder, "node_modules/better-auth"), "dir");
  const config = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: {
      lib: ["ES2023", "ES2024.String", "ESNext.Disposable", "DOM"],
      types: ["node"],
      typeRoots: [join(root, "node_modules/@types")],
    },
    include: ["*.ts", join(root, "docs/names.d.ts")],
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What an example says it prints: the comment at the end of each `console.log` line. */
function expectedOutput({ code }: CodeBlock): string[] {
  return [...code.matchAll(/\bconsole\.log\(.*\)\)?;(?: \}\);)? \/\/ (.*)$/gm)].map((match) => match[1]!);
}

describe("docs", () => {
  it("TypeScript in the docs compiles", { timeout: 120_000 }, async () => {
    expect(modules.length).toBeGreaterThan(5);
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const { stdout } = await run(process.execPath, [tsc, "--noEmit", "-p", folder], { cwd: folder }).catch(
      (error: { stdout: string }) => error,
    );
    // Faults of the packages themselves are told by `npm run check -- types`.
    expect(stdout.replaceAll(/^\.\.\/\.\.\/\.\.\/packages\/.*\n(?: .*\n)*/gm, "")).toBe("");
  });

  it("every package that is imported has an example", () => {
    const packages = readdirSync(join(root, "packages"))
      .filter((name) => {
        const { exports } = JSON.parse(textOf(`packages/${name}/package.json`)) as { exports: object };
        return Object.keys(exports).some((path) => path !== "./package.json");
      })
      .map((name) => `packages/${name}/README.md`);
    expect(packages.filter((page) => !examples.some(({ file }) => file === page))).toEqual([]);
  });

  it.concurrent.each(examples.map((block) => ({ name: place(block), block })))(
    "$name prints what it says",
    async ({ block }) => {
      const tsx = pathToFileURL(join(root, "node_modules/tsx/dist/loader.mjs")).href;
      // With the packages as `npm test` has built them, which start in a fraction of the time; else with their sources.
      const conditions = process.env["BK_TEST_BUILT"] === "1" ? [] : ["--conditions=bk-source"];
      const args = [...conditions, `--import=${tsx}`, moduleOf(block)];
      const { stdout } = await run(process.execPath, args, { cwd: folder, timeout: exampleMs });
      const expected = expectedOutput(block);
      expect(expected).not.toEqual([]);
      expect(stdout.trimEnd().split("\n")).toEqual(expected);
    },
    exampleMs + 5000,
  );

  it("code that is copied from a file is the file's", () => {
    for (const { mark, code, ...block } of copies) {
      const file = mark!.slice("file: ".length);
      expect(existsSync(join(root, file)), `${block.file}:${block.line} names ${file}`).toBe(true);
      expect(`${code}\n`, `${block.file}:${block.line}`).toBe(readFileSync(join(root, file), "utf8"));
    }
  });

  it("commands in the docs exist", () => {
    const manifest = JSON.parse(textOf("package.json")) as { scripts: Record<string, string> };
    // Of an app that bk-server init begins.
    const begun = JSON.parse(initFiles("shop")["package.json"]!) as typeof manifest;
    const builtin = ["test", "start"];
    const wrong = pages.flatMap((page) => {
      const text = textOf(page);
      const scripts = [...text.matchAll(/\bnpm run ([\w:-]+)/g)]
        .map((match) => match[1]!)
        .filter((name) => !(name in manifest.scripts || name in begun.scripts));
      const short = [...text.matchAll(/\bnpm (test|start)\b/g)].map((match) => match[1]!);
      const files = [...text.matchAll(/\b(?:node|tsx) ((?:scripts|test|packages)\/[\w./-]+)/g)].map((match) => match[1]!);
      return [
        ...scripts.map((name) => `${page}: npm run ${name}`),
        ...short.filter((name) => builtin.includes(name) && !(name in manifest.scripts)).map((name) => `${page}: npm ${name}`),
        ...files.filter((file) => !existsSync(join(root, file))).map((file) => `${page}: ${file}`),
      ];
    });
    expect(wrong).toEqual([]);
  });

  it("commands of bk-server in the docs are known to it", () => {
    const commands = allCommands(buildProgram()).map(({ name }) => name);
    const groups = new Set(commands.flatMap((name) => (name.includes(" ") ? [name.split(" ")[0]!] : [])));
    const used = blocks.flatMap(({ code }) =>
      [...code.matchAll(/^(?:npx )?bk-server (?!-)([\w-]+)(?: ([\w-]+))?/gm)].map(([, first, second]) =>
        groups.has(first!) ? `${first} ${second}` : first!,
      ),
    );
    expect(used).toContain("account add");
    expect(used.filter((name) => !commands.includes(name))).toEqual([]);
  });

  it("links lead to files", () => {
    const broken = pages.flatMap((page) =>
      localLinks(textOf(page))
        .filter((to) => !existsSync(join(root, dirname(page), to)))
        .map((to) => `${page}: ${to}`),
    );
    expect(broken).toEqual([]);
  });

  it("nothing is shown that the tests do not know", () => {
    const known = ["", "ts", "js", "json", "sh", "text", "html", "yaml", "nginx", "sql", "http"];
    expect(blocks.filter(({ language }) => !known.includes(language)).map(place)).toEqual([]);
    // Those of guides run in test/e2e/guides.test.ts.
    const marks = blocks.filter(({ mark }) => mark !== undefined && !/^(example: run|guide: run|file: .+)$/.test(mark));
    expect(marks.map(place)).toEqual([]);
  });
});
