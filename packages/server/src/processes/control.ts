// How commands reach a running server: a socket in its folder, for its user alone. A line of JSON asks, a line answers.

import { rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";

import { BkError, type ErrorCode, errorCodes } from "@bk/core";

import { firstLine } from "./first-line.js";
import type { ProcessState } from "./pool.js";
import { openPrivateSocket, type PrivateSocket } from "./private-socket.js";

/** What a server says of itself. */
export interface ServerState {
  readonly version: string;
  readonly pid: number;
  readonly url: string | undefined;
  /** With TLS at `url`: where it is reached without. */
  readonly plainUrl?: string | undefined;
  /** In milliseconds since 1970. */
  readonly startedAt: number;
  /** Those that it started; none where it serves alone. */
  readonly processes: readonly ProcessState[];
}

export interface ControlHandlers {
  status(): ServerState;
  /** Resolves once all processes of the role, or all, were replaced. */
  restart(role: string | undefined): Promise<void>;
  /** Reads the configuration again; gives the names of what changed. */
  reload(): Promise<readonly string[]>;
  stop(): void;
  /** Ends the processes of a role at once, so that others take their place; gives their pids. */
  kill(role: string): readonly number[];
}

export type ControlRequest =
  | { readonly do: "status" | "reload" | "stop" }
  | { readonly do: "restart"; readonly role?: string }
  | { readonly do: "kill"; readonly role: string };

const longestLine = 65_536;
/** How long an answer is waited for that takes no time to give. */
const patienceMs = 10_000;

/** Where the socket of a home folder is. */
export const controlPath = (folder: string): string => join(folder, "control.sock");

/** Answers commands until it is closed. A server that is killed leaves the socket; the next one takes its place. */
export async function openControl(path: string, handlers: ControlHandlers): Promise<PrivateSocket> {
  if (await isAnswered(path)) throw new BkError("unavailable", "another server runs in this home folder");
  rmSync(path, { force: true });
  const serve = (socket: Socket): void => {
    void firstLine(socket, longestLine)
      .then(async (line) => socket.end(`${JSON.stringify({ ok: await answer(JSON.parse(line) as ControlRequest, handlers) })}\n`))
      .catch((error: unknown) => {
        const { code, message } = error instanceof BkError ? error : new BkError("invalid", (error as Error).message);
        socket.end(`${JSON.stringify({ code, message })}\n`);
      });
  };
  return openPrivateSocket(path, serve, (socket) => socket.destroySoon());
}

/** Whether a server listens there: what was left by one that was killed does not answer. */
export function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (is: boolean): void => {
      socket.destroy();
      resolve(is);
    };
    // More wait than it takes at a time: somebody listens.
    socket.once("error", ({ code }: NodeJS.ErrnoException) => end(code === "EAGAIN"));
    socket.once("connect", () => end(true));
  });
}

async function answer(request: ControlRequest, handlers: ControlHandlers): Promise<unknown> {
  switch (request.do) {
    case "status":
      return handlers.status();
    case "restart":
      return (await handlers.restart(request.role)) ?? null;
    case "reload":
      return handlers.reload();
    case "stop":
      return handlers.stop() ?? null;
    case "kill":
      return handlers.kill(request.role);
    default:
      throw new BkError("invalid", "there are status, restart, reload, stop and kill");
  }
}

/** Asks a running server. @throws BkError `unavailable` when none runs in this folder, `timeout` when it does not answer; what the server says otherwise */
export async function askControl(path: string, request: ControlRequest, waitMs = patienceMs): Promise<unknown> {
  const socket = connect(path);
  const line = await new Promise<string>((resolve, reject) => {
    if (request.do !== "restart" && request.do !== "reload")
      socket.setTimeout(waitMs, () => {
        reject(new BkError("timeout", "the server of this home folder does not answer: it is stopped, or stuck"));
        socket.destroy();
      });
    socket.once("error", (cause: NodeJS.ErrnoException) =>
      reject(
        cause.code === "EACCES"
          ? new BkError("denied", "the server belongs to another user", { cause })
          : new BkError("unavailable", `no server runs in this home folder (${path})`, { cause }),
      ),
    );
    socket.once("connect", () => {
      socket.write(`${JSON.stringify(request)}\n`);
      firstLine(socket, longestLine).then(resolve, () => reject(new BkError("unavailable", "the server ended before it answered")));
    });
  });
  socket.destroy();
  const reply = JSON.parse(line) as { readonly ok: unknown } | { readonly code: string; readonly message: string };
  if ("ok" in reply) return reply.ok;
  throw new BkError(Object.hasOwn(errorCodes, reply.code) ? (reply.code as ErrorCode) : "internal", reply.message);
}
