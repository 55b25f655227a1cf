#!/usr/bin/env node
import { runQueueCommand } from "./queue-command.js";

process.exitCode = await runQueueCommand(process.argv.slice(2), process);
