#!/usr/bin/env node
// `npm create bk-server my-app` is `bk-server init my-app` before anything is installed.
import { runCommandLine } from "@bk/server/command-line";

process.exitCode = await runCommandLine(["init", ...process.argv.slice(2)]);
