#!/usr/bin/env node
import { runCommandLine } from "./command-line.js";

process.exitCode = await runCommandLine(process.argv.slice(2));
// A channel to whoever started it would keep a process whose command is over.
if (process.connected) process.disconnect();
