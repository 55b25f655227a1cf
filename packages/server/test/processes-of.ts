// What processes there are, by Linux's /proc.

import { existsSync, readdirSync, readFileSync } from "node:fs";

import type { RunningServer } from "./run-cli.js";

/** The processes that a process started. */
export function childrenOf(pid: number): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((each) => {
      try {
        return new RegExp(`\\) \\S ${pid} `).test(readFileSync(`/proc/${each}/stat`, "utf8"));
      } catch {
        return false;
      }
    });
}

/** Empty for one that has just ended. */
export function titleOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
  } catch {
    return "";
  }
}

export function childrenNamed(server: RunningServer, title: string): number[] {
  return childrenOf(server.child.pid!).filter((pid) => titleOf(pid) === title);
}

export const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}`);
