#!/usr/bin/env node
import { runCommandLine } from "./command-line.js";
import { ownArguments } from "./processes/own-arguments.js";

// Whoever reads what it prints may have seen enough, as head has: it ends like other programs then, which a signal ends.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(128 + 13);
});
process.exitCode = await runCommandLine(ownArguments);
// A channel to whoever started it would keep a process whose command is over.
if (process.connected) process.disconnect();
