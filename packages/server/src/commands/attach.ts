// `bk-server attach ROLE[:N]`: a shell within a running process; and what such a process does for it.

import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { inspect } from "node:util";

import { BkError, type Log } from "@bk/core";

import { askControl, controlPath, type ServerState } from "../processes/control.js";
import { firstLine } from "../processes/first-line.js";
import { type AttachRequest, longestRequest, openShell, shellPath } from "../processes/shell-socket.js";
import { varFolder } from "../settings/home.js";
import type { Configuration } from "../settings/configuration.js";
import { jsonText, type JsonOption, print, printJson } from "./output.js";
import { runCode, talk } from "./shell.js";

export interface AttachOptions extends JsonOption {
  /** Code to run in place of asking for some. Default: what comes from a pipe, if one is there. */
  readonly eval?: string;
}

const nothing = { close: (): void => undefined };

/** Lets others attach to this process, where the setting `attach` or the run mode does. @param atHand  what is at hand in a shell, by name */
export async function attachable(
  configuration: Configuration,
  log: Log,
  atHand: Readonly<Record<string, unknown>>,
): Promise<{ close(): void }> {
  const { config, home } = configuration;
  if (!(config.get("attach") ?? config.get("run-mode") !== "production")) return nothing;
  try {
    return await openShell(
      varFolder(home),
      {
        talk: (socket, { terminal, columns }, onLine) =>
          talk(atHand, { input: socket, output: Object.assign(socket, { columns }), isTerminal: terminal, onLine }),
        run: async (code) => jsonText(await runCode(code, atHand)),
      },
      log,
    );
  } catch (error) {
    // A folder whose path is too long for a socket; it serves without, too.
    log.warn("bk-server attach cannot reach this process", { reason: (error as Error).message });
    return nothing;
  }
}

/** Talks with a process of the running server: `server` for the one that was started, else `web` or `worker` with a number behind a colon. */
export async function attachCommand(configuration: Configuration, options: AttachOptions, target = "server"): Promise<void> {
  const folder = varFolder(configuration.home);
  const pid = await pidOf(folder, target);
  const socket = connect(shellPath(folder, pid));
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", (cause) =>
      reject(
        new BkError("denied", `the process ${pid} lets nobody attach: it runs in production, or the setting attach is off`, { cause }),
      ),
    );
  });
  const { stdin, stdout } = process;
  const code = options.eval ?? (stdin.isTTY ? undefined : await text(stdin));
  const request: AttachRequest = { terminal: stdout.isTTY, columns: stdout.columns, code };
  socket.write(`${JSON.stringify(request)}\n`);
  if (code === undefined) return joined(socket, request.terminal);
  show(await firstLine(socket, longestRequest), options);
  socket.end();
}

function show(line: string, { json = false }: AttachOptions): void {
  const reply = JSON.parse(line) as { readonly ok: string } | { readonly error: string };
  if ("error" in reply) throw new BkError("invalid", reply.error);
  const value = JSON.parse(reply.ok) as unknown;
  if (json) printJson(value);
  else print(inspect(value, { depth: 6, colors: process.stdout.isTTY }));
}

const ctrlC = "\u0003";

/** Leaves a process that is stuck: by the third Ctrl+C to which it says nothing. */
export function leaveStuck(keys: NodeJS.ReadableStream, socket: Socket): void {
  let unanswered = 0;
  socket.on("data", () => (unanswered = 0));
  keys.on("data", (typed: Buffer) => {
    unanswered += typed.toString().split(ctrlC).length - 1;
    if (unanswered >= 3) socket.destroy();
  });
}

/** Until either end leaves. In a terminal every key goes to the other end, which edits the line. */
async function joined(socket: Socket, isTerminal: boolean): Promise<void> {
  const { stdin, stdout } = process;
  if (isTerminal) {
    stdin.setRawMode(true);
    leaveStuck(stdin, socket);
  }
  stdin.pipe(socket);
  socket.pipe(stdout, { end: false });
  await new Promise<void>((resolve) => socket.once("close", () => resolve()));
  stdin.unpipe(socket);
  stdin.pause();
  if (isTerminal) stdin.setRawMode(false);
}

async function pidOf(folder: string, target: string): Promise<number> {
  const [, role, slot = "0"] = /^([a-z]+)(?::(\d{1,4}))?$/.exec(target) ?? [];
  if (role === undefined) throw new BkError("invalid", "role must be server, or such as web:0", { detail: { field: "role" } });
  const state = (await askControl(controlPath(folder), { do: "status" })) as ServerState;
  if (role === "server") return state.pid;
  const found = state.processes.find((each) => each.role === role && each.slot === Number(slot) && each.state === "ready");
  if (found?.pid !== undefined) return found.pid;
  const there = state.processes.filter((each) => each.state === "ready").map((each) => `${each.role}:${each.slot}`);
  throw new BkError("not-found", `there is no process ${role}:${slot}; there are ${["server", ...there].join(", ")}`);
}
