// Runs the compiler on programs of an app, as its author does.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** What the compiler prints for files, by name; the sources of the packages stand for their builds. */
export function compileTypes(files: Readonly<Record<string, string>>, ...options: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), "bk-types-"));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    const compilerOptions = {
      noEmit: true,
      customConditions: ["bk-source"],
      typeRoots: [join(root, "node_modules/@types")],
      paths: { "@bk/db": [join(root, "packages/db/src/index.ts")] },
    };
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({ extends: join(root, "tsconfig.base.json"), compilerOptions, include: ["*.ts"] }),
    );
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const { stdout, stderr, error } = spawnSync(process.execPath, [tsc, "-p", folder, "--pretty", "false", ...options], {
      encoding: "utf8",
    });
    if (error !== undefined || stderr !== "") throw error ?? new Error(stderr);
    return stdout;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
