import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly zombie: boolean;
}

/** Kills a process and all its descendants with SIGKILL and waits until they are gone. One that is gone already is fine. */
export async function killTree(root: number): Promise<void> {
  // Stopped first, so that it starts no further children between the listing and the kill.
  if (!signal(root, "SIGSTOP")) return;
  const all = [root, ...descendants(root)];
  for (const pid of all) signal(pid, "SIGKILL");
  await waitUntilGone(all, 10_000);
}

/**
 * Waits until none of the processes runs.
 *
 * @throws Error  when one still runs after `timeoutMs`
 */
export async function waitUntilGone(pids: readonly number[], timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (pids.some(isRunning)) {
    if (Date.now() > deadline) throw new Error(`process ${pids.filter(isRunning).join(", ")} still runs after ${timeoutMs} ms`);
    await sleep(20);
  }
}

/** Whether a process runs; one that has ended and was not yet reaped does not. */
export function isRunning(pid: number): boolean {
  if (!signal(pid, 0)) return false;
  return !processes().some((entry) => entry.pid === pid && entry.zombie);
}

/** Sends a signal; false when there is no such process. */
export function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}

/** All processes below `root`, those in other process groups too (PostgreSQL gives each backend its own). */
export function descendants(root: number): number[] {
  const entries = processes();
  const found = [root];
  for (const parent of found) found.push(...entries.filter((entry) => entry.parent === parent).map((entry) => entry.pid));
  return found.slice(1);
}

function processes(): ProcessEntry[] {
  return existsSync("/proc/self/stat") ? fromProc() : fromPs();
}

function fromProc(): ProcessEntry[] {
  const entries: ProcessEntry[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    let stat: string;
    try {
      stat = readFileSync(`/proc/${name}/stat`, "latin1");
    } catch {
      continue; // ended between the listing and the reading
    }
    // "PID (name) STATE PARENT …", where the name may hold blanks and brackets
    const [state = "", parent = "0"] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    entries.push({ pid: Number(name), parent: Number(parent), zombie: state === "Z" || state === "X" });
  }
  return entries;
}

function fromPs(): ProcessEntry[] {
  const lines = execFileSync("ps", ["-A", "-o", "pid=,ppid=,stat="], { encoding: "utf8" }).trim().split("\n");
  return lines.map((line) => {
    const [pid = "0", parent = "0", state = ""] = line.trim().split(/\s+/);
    return { pid: Number(pid), parent: Number(parent), zombie: state.startsWith("Z") };
  });
}
