#!/usr/bin/env node
import { pushcartCommand } from "./commands/pushcart.js";

await pushcartCommand(process.argv.slice(2), process.env);
