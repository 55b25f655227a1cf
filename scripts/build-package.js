// Builds the package in the current folder: compiles it, then removes output whose source is gone.
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const require = createRequire(import.meta.url);
const typescript = require.resolve("typescript/package.json");
const tsc = join(dirname(typescript), require(typescript).bin.tsc);

// The build resolves other workspace packages to their dist, as an installed copy would.
const { status, signal } = spawnSync(process.execPath, [tsc, "-p", "tsconfig.json"], { stdio: "inherit" });
if (signal) process.kill(process.pid, signal);
if (status !== 0) process.exit(status ?? 1);

for (const file of readdirSync("dist", { recursive: true, encoding: "utf8" })) {
  const source = file.replace(/(\.d\.ts|\.js)(\.map)?$/, ".ts");
  if (source !== file && !existsSync(join("src", source))) rmSync(join("dist", file));
}
if (existsSync("dist/cli.js")) chmodSync("dist/cli.js", 0o755);
