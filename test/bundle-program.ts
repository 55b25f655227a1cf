import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** A program that starts at once: `path` is what to run. */
export interface Program {
  readonly path: string;
  /** Removes it. */
  remove(): void;
}

const cache = fileURLToPath(new URL("../node_modules/.cache/bk-programs/", import.meta.url));

/**
 * Bundles a TypeScript program with the sources of the workspace packages that it uses. A loader would take most of a second at each
 * start, which tests that start a process several times a second have not got.
 *
 * @param source  URL of the program
 */
export async function bundleProgram(source: URL): Promise<Program> {
  // Inside the work tree, so that client libraries are found from there.
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "program-"));
  await build({
    entryPoints: { program: fileURLToPath(source) },
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    conditions: ["bk-source"],
    plugins: [
      {
        name: "clients stay outside",
        setup({ onResolve }) {
          onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
            kind === "entry-point" || path.startsWith("@bk/") ? undefined : { external: true },
          );
        },
      },
    ],
    logLevel: "warning",
  });
  return { path: join(folder, "program.mjs"), remove: () => rmSync(folder, { recursive: true }) };
}
