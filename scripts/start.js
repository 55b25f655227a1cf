// `npm start`: makes the clone ready, then is bk-server. One process, so that signals reach it.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { makeReady, root } from "./ready.js";

makeReady();
const cli = join(root, "packages/server/dist/cli.js");
process.argv[1] = cli;
await import(pathToFileURL(cli).href);
