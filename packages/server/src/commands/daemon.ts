// `bk-server start --daemon`: a server in the background, which outlives the terminal.

import { spawn } from "node:child_process";
import { openSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { BkError } from "@bk/core";

import { askControl, controlPath, type ServerState } from "../processes/control.js";
import { ownArguments, withArguments } from "../processes/own-arguments.js";
import { varFolder } from "../settings/home.js";
import type { Configuration } from "../settings/configuration.js";
import { type JsonOption, tell } from "./output.js";
import { serve } from "./serve.js";

export interface StartOptions extends JsonOption {
  readonly daemon?: boolean;
}

const askEveryMs = 100;

/** Serves; with `daemon` in a process of its own, and ends once that one serves. */
export async function startCommand(configuration: Configuration, options: StartOptions): Promise<number> {
  if (options.daemon !== true) return serve(configuration);
  const { config, home } = configuration;
  const other = await stateOf(home);
  if (other !== undefined) throw new BkError("already-exists", `a server runs in this home folder already (pid ${other.pid})`);
  const log = join(varFolder(home), "bk-server.log");
  const descriptor = openSync(log, "a", 0o640);
  const args = ownArguments.filter((arg) => !/^--?daemon$/.test(arg));
  const child = spawn(process.execPath, [...process.execArgv, process.argv[1]!], {
    env: withArguments(args),
    detached: true,
    stdio: ["ignore", descriptor, descriptor],
  });
  let ended: string | undefined;
  child.once("error", (error) => (ended = error.message));
  child.once("exit", (code, signal) => (ended = `it ended with ${signal ?? code}`));
  const until = Date.now() + config.get("ready-timeout");
  for (;;) {
    const state = await stateOf(home);
    if (state !== undefined && state.pid === child.pid) {
      child.unref();
      tell(options, { pid: state.pid, url: state.url ?? null, log }, `pid ${state.pid}  ${state.url ?? "jobs alone"}  log ${log}`);
      return 0;
    }
    if (ended !== undefined) throw new BkError("unavailable", `the server did not start: ${ended}; see ${log}`);
    if (Date.now() > until) {
      child.kill("SIGKILL");
      throw new BkError("timeout", `the server was not ready in time (ready-timeout); see ${log}`);
    }
    await sleep(askEveryMs);
  }
}

/** Undefined while none answers. */
async function stateOf(home: string): Promise<ServerState | undefined> {
  try {
    return (await askControl(controlPath(varFolder(home)), { do: "status" })) as ServerState;
  } catch (error) {
    if (error instanceof BkError && error.code === "unavailable") return undefined;
    throw error;
  }
}
