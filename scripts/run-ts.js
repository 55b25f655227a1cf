// Runs a TypeScript program of this repository: `node scripts/run-ts.js FILE [arguments]`.
// Workspace packages resolve to their sources, as in the tests. Needs a child, as conditions are fixed when Node starts.
import { spawn } from "node:child_process";
import { pathToFileURL, fileURLToPath } from "node:url";
import { existsSync } from "node:fs";

if (!existsSync(new URL("../node_modules/tsx", import.meta.url))) {
  console.error("Dependencies are not installed: run `npm ci` first.");
  process.exit(1);
}
const [file, ...args] = process.argv.slice(2);
if (!file) {
  console.error("usage: node scripts/run-ts.js FILE [arguments]");
  process.exit(2);
}
const tsx = pathToFileURL(fileURLToPath(new URL("../node_modules/tsx/dist/loader.mjs", import.meta.url))).href;
const child = spawn(process.execPath, ["--conditions=bk-source", `--import=${tsx}`, file, ...args], { stdio: "inherit" });
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
  process.on(signal, () => {
    // A terminal sends Ctrl-C to the child as well; a second one might be taken as "at once".
    if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
  });
}
child.on("exit", (code, signal) => {
  process.exitCode = code ?? (signal === "SIGINT" ? 130 : 1);
});
