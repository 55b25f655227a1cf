#!/usr/bin/env node
import { runWorkerCommand } from "./worker-command.js";

process.exitCode = await runWorkerCommand(process.argv.slice(2));
