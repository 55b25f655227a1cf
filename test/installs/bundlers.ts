// The bundlers as an app uses them, with nothing said about @bk/db or the clients of databases.
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { installed } from "../runtimes/installed.js";

type Target = "node" | "web";

/** Bundles a program of an app into a folder; gives the name of the file to run. */
type Bundle = (app: string, program: string, out: string, target: Target) => Promise<string>;

/** Loads a bundler, installed on first use. */
async function load(...packages: readonly string[]): Promise<Record<string, unknown>[]> {
  const require = createRequire(join(installed(...packages), "package.json"));
  const names = packages.map((each) => each.slice(0, each.lastIndexOf("@")));
  return Promise.all(names.map(async (name) => (await import(pathToFileURL(require.resolve(name)).href)) as Record<string, unknown>));
}

type Call = (...args: readonly unknown[]) => Promise<unknown>;

export const bundlers: Readonly<Record<string, Bundle>> = {
  async esbuild(app, program, out, target) {
    const [esbuild] = await load("esbuild@0.28.2");
    await (esbuild!["build"] as Call)({
      absWorkingDir: app,
      entryPoints: [program],
      bundle: true,
      format: "esm",
      platform: target === "node" ? "node" : "browser",
      target: "es2022",
      outfile: join(out, "bundle.mjs"),
      logLevel: "silent",
    });
    return "bundle.mjs";
  },

  async vite(app, program, out, target) {
    const [vite] = await load("vite@8.4.0");
    await (vite!["build"] as Call)({
      root: app,
      configFile: false,
      logLevel: "silent",
      // A server build takes packages in when it is asked to.
      ...(target === "node" ? { ssr: { noExternal: true } } : {}),
      build: {
        outDir: out,
        target: "es2022",
        // What loads chunks ahead needs a page, and the bundle is tried without one.
        modulePreload: false,
        ...(target === "node" ? { ssr: program } : {}),
        rollupOptions: { input: program, output: { entryFileNames: "bundle.mjs", chunkFileNames: "[name]-[hash].mjs" } },
      },
    });
    return "bundle.mjs";
  },

  async rollup(app, program, out, target) {
    const [rollup, resolve] = await load("rollup@4.68.8", "@rollup/plugin-node-resolve@16.0.3");
    const plugin = (resolve!["nodeResolve"] as (options: object) => unknown)(target === "node" ? {} : { browser: true });
    const bundle = (await (rollup!["rollup"] as Call)({
      input: join(app, program),
      plugins: [plugin],
      onwarn: () => undefined,
    })) as { write(options: object): Promise<void>; close(): Promise<void> };
    await bundle.write({ dir: out, format: "esm", entryFileNames: "bundle.mjs", chunkFileNames: "[name]-[hash].mjs" });
    await bundle.close();
    return "bundle.mjs";
  },

  async webpack(app, program, out, target) {
    const [webpack] = await load("webpack@5.113.0");
    const start = webpack!["default"] as (
      options: object,
      done: (error: Error | null, stats?: { hasErrors(): boolean; toString(options: object): string }) => void,
    ) => void;
    const options = {
      context: app,
      mode: "production",
      target: target === "node" ? "node" : "webworker",
      entry: `./${program}`,
      output: { path: out, filename: "bundle.mjs", module: true, chunkFormat: "module" },
      experiments: { outputModule: true },
    };
    await new Promise<void>((done, fail) =>
      start(options, (error, stats) => {
        if (error) fail(error);
        else if (stats!.hasErrors()) fail(new Error(stats!.toString({ all: false, errors: true })));
        else done();
      }),
    );
    return "bundle.mjs";
  },
};
