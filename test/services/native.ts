import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { choosePorts, requireFree } from "./choose-ports.js";
import { isRunning, killTree, signal, waitUntilGone } from "./process-tree.js";
import type { Place, Recipe } from "./recipe.js";
import { lastLines } from "./run.js";
import type { Service, ServiceOptions } from "./service.js";
import { openWorkFolder, type WorkFolder } from "./work-folder.js";

const READY_TIMEOUT_MS = 90_000;
const STOP_TIMEOUT_MS = 20_000;

/** Options of `startNative`. */
export interface NativeOptions extends ServiceOptions {
  /** Whether acknowledged writes must survive `kill`. */
  readonly durable: boolean;
}

/**
 * Starts a server as a child of this process.
 *
 * @throws Error  when it ends or does not answer within 90 seconds, with the end of its log; nothing is left behind then
 */
export async function startNative(recipe: Recipe, options: NativeOptions): Promise<Service> {
  const ports = await choosePorts(recipe.portCount, options.port, recipe.hosts);
  const work = openWorkFolder(recipe.name);
  const data = options.dir === undefined ? join(work.path, "data") : resolve(options.dir);
  const place: Place = { data, ports, durable: options.durable };
  const log = join(work.path, "log");
  let children: ChildProcess[] = [];

  const service: Service = {
    name: recipe.name,
    url: recipe.url(ports),
    get pid() {
      return children[0]?.pid;
    },
    async start() {
      if (children.length > 0 && children.every(runs)) throw new Error(`${recipe.name} runs already`);
      if (!children.some(runs)) await requireFree(ports, recipe.hosts);
      children = recipe.commands(place).map((command, i) => {
        const before = children[i];
        return before !== undefined && runs(before) ? before : launch(command, work, log, recipe.lastSignal);
      });
      await untilReady(recipe, ports, children, log);
    },
    async kill(node) {
      const killed = (node === undefined ? children : children.slice(node, node + 1)).filter(runs);
      await Promise.all(pidsOf(killed).map(killTree));
      // Until this process has taken note of the end, a server that starts again finds the old one's number still in use.
      await Promise.all(killed.map(ended));
    },
    async stop() {
      await endAll(pidsOf(children), recipe.stopSignal);
      await recipe.release?.(place);
      work.remove();
    },
  };
  try {
    mkdirSync(data, { recursive: true });
    await recipe.prepare(place);
    await service.start();
    return service;
  } catch (error) {
    await service.kill();
    if (children.length > 0) await recipe.release?.(place);
    work.remove();
    throw error;
  }
}

/** A child in a session of its own: Ctrl-C in the terminal is ours to handle, and its whole group can be killed. */
function launch(command: readonly string[], work: WorkFolder, log: string, lastSignal: string): ChildProcess {
  const [file = "", ...args] = command;
  const output = openSync(log, "a");
  const child = spawn(file, args, { cwd: work.path, detached: true, stdio: ["ignore", output, output] });
  closeSync(output);
  // `untilReady` sees a child that never was and shows the log.
  child.on("error", (error) => appendFileSync(log, `${error.message}\n`));
  const { pid } = child;
  if (pid !== undefined) {
    work.guard(pid, lastSignal);
    child.once("exit", () => work.forget(pid));
  }
  child.unref();
  return child;
}

async function untilReady(recipe: Recipe, ports: readonly number[], children: readonly ChildProcess[], log: string): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  for (;;) {
    const answers = await recipe.answers(ports);
    // Looked at after the answer: another server may answer on a port that ours did not get.
    if (!children.every(runs)) throw new Error(`${recipe.name} ended while starting:\n${tail(log)}`);
    if (answers) return;
    if (Date.now() > deadline)
      throw new Error(`${recipe.name} does not answer on port ${ports[0]} after ${READY_TIMEOUT_MS} ms:\n${tail(log)}`);
    await sleep(30);
  }
}

async function endAll(pids: readonly number[], stopSignal: NodeJS.Signals): Promise<void> {
  for (const pid of pids) signal(pid, stopSignal);
  try {
    await waitUntilGone(pids, STOP_TIMEOUT_MS);
  } finally {
    await Promise.all(pids.map(killTree));
  }
}

function pidsOf(children: readonly ChildProcess[]): number[] {
  return children.filter(runs).flatMap((child) => child.pid ?? []);
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}

function runs(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null && isRunning(child.pid);
}

function tail(log: string): string {
  return lastLines(readFileSync(log, "utf8"), 20);
}
