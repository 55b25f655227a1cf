// A shell within a running process, over a socket in its folder for its user alone. What is typed is written to the log.

import { readdirSync, rmSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";

import { type Log, plainText } from "@bk/core";

import { firstLine } from "./first-line.js";
import { isAlive } from "./is-alive.js";
import { openPrivateSocket, type PrivateSocket } from "./private-socket.js";

/** The first line of whoever attaches. */
export interface AttachRequest {
  /** Whether lines are edited at the other end, which is a terminal. */
  readonly terminal: boolean;
  readonly columns?: number | undefined;
  /** Code to run in place of asking for some. */
  readonly code?: string | undefined;
}

/** How a shell talks: with what is typed, or with one piece of code. */
export interface Talking {
  talk(socket: Socket, request: AttachRequest, onLine: (line: string) => void): Promise<void>;
  /** @returns  the value as JSON */
  run(code: string): Promise<string>;
}

const form = /^shell-(\d+)\.sock$/;
/** Longest that is kept of a line in the log. */
const longestLogged = 1000;
export const longestRequest = 1_000_000;

export const shellPath = (folder: string, pid: number): string => join(folder, `shell-${pid}.sock`);

/** Waits for whoever attaches, until it is closed. */
export async function openShell(folder: string, { talk, run }: Talking, log: Log): Promise<PrivateSocket> {
  removeLeft(folder);
  const path = shellPath(folder, process.pid);
  const audit = (line: string): void => log.warn("a shell that is attached runs code", { code: plainText(line, longestLogged) });
  /** Those of people, who are told when the process ends. */
  const talking = new Set<Socket>();
  const serve = (socket: Socket): void => {
    firstLine(socket, longestRequest)
      .then(async (line) => {
        const request = JSON.parse(line) as AttachRequest;
        if (request.code === undefined) {
          talking.add(socket);
          return talk(socket, request, audit);
        }
        audit(request.code);
        const reply = await run(request.code).then(
          (text) => ({ ok: text }),
          (error: unknown) => ({ error: error instanceof Error ? error.message : String(error) }),
        );
        socket.write(`${JSON.stringify(reply)}\n`);
      })
      .catch((error: unknown) => log.warn("a shell that was attached broke off", { reason: (error as Error).message }))
      .finally(() => {
        talking.delete(socket);
        socket.end();
      });
  };
  return openPrivateSocket(path, serve, (socket) => {
    if (!talking.has(socket)) socket.destroy();
    // One whose client does not read keeps no process.
    else socket.unref().end("\r\nthe process ends\r\n");
  });
}

/** Sockets of processes that were killed. */
function removeLeft(folder: string): void {
  for (const name of readdirSync(folder)) {
    const pid = Number(form.exec(name)?.[1]);
    if (pid > 0 && (pid === process.pid || !isAlive(pid))) rmSync(join(folder, name), { force: true });
  }
}
