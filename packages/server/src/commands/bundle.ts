// `bk-server bundle`: scripts and styles of pages, in files that browsers keep.

import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { basename, extname, join, relative, sep } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

import { BkError } from "@bk/core";

import type { Configuration } from "../settings/configuration.js";
import { type JsonOption, tell } from "./output.js";

export interface BundleOptions extends JsonOption {
  /** The folder for the files; those of a server's `web`. */
  readonly out: string;
  /** For people who look for faults: no shortening. */
  readonly dev?: boolean;
}

/** What is used of esbuild. */
interface Esbuild {
  build(options: object): Promise<{
    readonly metafile: { readonly outputs: Readonly<Record<string, { readonly entryPoint?: string; readonly bytes: number }>> };
  }>;
}

/** Smaller ones are not worth packing. */
const packedFrom = 1024;
const manifest = "manifest.json";

/**
 * Bundles entries. Their names have a hash of what is in them, so that browsers keep them; `manifest.json` has the name of each. Beside them lie `.br` and `.gz` for who takes
 * these.
 *
 * @throws BkError `driver-missing` without esbuild; `invalid` for what cannot be bundled, which esbuild has said
 */
export async function bundleCommand(
  _configuration: Configuration,
  { out, dev = false, json }: BundleOptions,
  entries: readonly string[],
): Promise<void> {
  const esbuild = await load();
  const built = await esbuild
    .build({
      entryPoints: entries,
      outdir: out,
      bundle: true,
      splitting: true,
      format: "esm",
      target: "es2022",
      minify: !dev,
      sourcemap: true,
      entryNames: "[name]-[hash]",
      chunkNames: "[name]-[hash]",
      assetNames: "[name]-[hash]",
      metafile: true,
      logLevel: "error",
    })
    .catch((cause: unknown) => {
      throw new BkError("invalid", "bundle: the entries cannot be bundled", { detail: { field: "entry" }, cause });
    });
  const outputs = Object.entries(built.metafile.outputs).filter(([path]) => !path.endsWith(".map"));
  const names: Record<string, string> = {};
  for (const [path, { entryPoint, bytes }] of outputs) {
    await pack(path);
    const place = relative(out, path).split(sep).join("/");
    if (entryPoint !== undefined) names[`${basename(entryPoint, extname(entryPoint))}${extname(path)}`] = place;
    tell({ json }, { file: place, bytes }, `${place} ${bytes} bytes`);
  }
  // When everything that it names is there.
  await mkdir(out, { recursive: true });
  await writeFile(join(out, `${manifest}.part`), `${JSON.stringify(names, null, 2)}\n`);
  await rename(join(out, `${manifest}.part`), join(out, manifest));
}

async function pack(path: string): Promise<void> {
  const content = await readFile(path);
  if (content.length < packedFrom) return;
  const best = { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } };
  await writeFile(`${path}.br`, await promisify(brotliCompress)(content, best));
  await writeFile(`${path}.gz`, await promisify(gzip)(content, { level: 9 }));
}

async function load(): Promise<Esbuild> {
  try {
    return (await import("esbuild")) as unknown as Esbuild;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new BkError("driver-missing", "bundle needs the package esbuild; run: npm install esbuild", { cause: error });
  }
}
