import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { choosePorts } from "./choose-ports.js";
import { onPath } from "./on-path.js";
import type { Recipe } from "./recipe.js";
import { run } from "./run.js";
import type { Service, ServiceOptions } from "./service.js";
import { openWorkFolder } from "./work-folder.js";

const FILE = fileURLToPath(new URL("./compose.yaml", import.meta.url));
const READY_TIMEOUT_MS = 60_000;

/** Whether `docker compose` is there and has an engine that answers. */
export async function composeWorks(): Promise<boolean> {
  if (onPath("docker") === undefined) return false;
  try {
    await run(["docker", "compose", "version"]);
    await run(["docker", "info"]);
    return true;
  } catch {
    return false; // no plugin or no engine: one answer, Compose cannot be used
  }
}

/** Starts a server from its official image, as a Compose project of its own. Its data lives in the container until `stop`. */
export async function startCompose(recipe: Recipe, options: ServiceOptions): Promise<Service> {
  if (options.dir !== undefined) throw new Error(`${recipe.name}: a data folder of one's own is not possible in Docker`);
  const ports = await choosePorts(recipe.portCount, options.port);
  const project = `bk-${recipe.name}-${randomBytes(4).toString("hex")}`;
  const env = Object.fromEntries(ports.map((port, i) => [`BK_PORT${i}`, String(port)]));
  const compose = (...args: string[]): Promise<string> => run(["docker", "compose", "-p", project, "-f", FILE, ...args], { env });
  const work = openWorkFolder(recipe.name);
  work.guardCompose(project, FILE);

  const untilReady = async (): Promise<void> => {
    const deadline = Date.now() + READY_TIMEOUT_MS;
    while (!(await recipe.answers(ports))) {
      if (Date.now() > deadline)
        throw new Error(`${recipe.name} in Docker does not answer after ${READY_TIMEOUT_MS} ms:\n${await compose("logs", "--tail", "20")}`);
      await sleep(100);
    }
  };
  const stop = async (): Promise<void> => {
    await compose("down", "-v");
    work.remove();
  };
  try {
    await compose("up", "-d", recipe.name);
    await untilReady();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    name: recipe.name,
    url: recipe.url(ports),
    pid: undefined,
    stop,
    kill: async () => void (await compose("kill", recipe.name)),
    start: async () => {
      await compose("start", recipe.name);
      await untilReady();
    },
  };
}
