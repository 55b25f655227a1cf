// Starts processes of the benchmark and speaks with them.

import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { BareServerOptions } from "./bare-server.js";
import type { ExtraOptions } from "./extra-worker.js";
import type { HttpServerOptions } from "./http-server.js";
import type { ModulesClientOptions } from "./modules-client.js";
import type { ModulesServerOptions } from "./modules-server.js";
import type { RpcOptions } from "./rpc-worker.js";
import type { WorkerOptions } from "./worker.js";

type ProgramOptions =
  | WorkerOptions
  | ExtraOptions
  | HttpServerOptions
  | RpcOptions
  | ModulesServerOptions
  | ModulesClientOptions
  | BareServerOptions;

export interface Worker {
  readonly name: string;
  /** Gives what the process answers to an order. One order at a time. */
  ask(order: { readonly kind: string; readonly cell?: string }): Promise<unknown>;
  /** Lets it close its connections; gives what it told last. */
  end(): Promise<unknown>;
  stop(): void;
}

/** Starts a process. It is built JavaScript, run by Node alone, so that no loader counts as the library's time. */
export function startWorker(options: ProgramOptions, built: URL): Worker {
  const { name, program } = programOf(options);
  const child = fork(fileURLToPath(new URL(program, built)), [JSON.stringify(options)], {
    execArgv: process.env["BK_BENCH_EXEC_ARGV"]?.split(" ") ?? [],
    env: { ...process.env, NODE_ENV: "production", NODE_OPTIONS: "" },
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  let waiting: { readonly resolve: (result: unknown) => void; readonly reject: (error: Error) => void } | undefined;
  child.on("message", (message: { result?: unknown; error?: string }) => {
    const asked = waiting;
    waiting = undefined;
    if (message.error === undefined) asked?.resolve(message.result);
    else asked?.reject(new Error(`${name}: ${message.error}`));
  });
  child.on("exit", (code) => waiting?.reject(new Error(`${name} ended with ${code}`)));
  const ask: Worker["ask"] = (order) =>
    new Promise((resolve, reject) => {
      if (!child.connected) return reject(new Error(`${name} has ended`));
      waiting = { resolve, reject };
      child.send(order);
    });
  return {
    name,
    ask,
    async end() {
      const told = await ask({ kind: "end" });
      child.disconnect();
      if (child.exitCode === null) await once(child, "exit");
      return told;
    },
    stop: () => void (child.exitCode === null && child.kill()),
  };
}

function programOf(options: ProgramOptions): {
  readonly name: string;
  readonly program: string;
} {
  if ("bare" in options) return { name: "bare server", program: "bare-server.js" };
  if ("modules" in options) return { name: `modules ${options.modules}`, program: "modules-server.js" };
  if ("client" in options) return { name: "clients of modules", program: "modules-client.js" };
  if ("rpc" in options) return { name: `rpc ${options.rpc}`, program: "rpc-worker.js" };
  if ("server" in options) return { name: `http ${options.server}`, program: "http-server.js" };
  if ("task" in options) return { name: options.task, program: "extra-worker.js" };
  return { name: `${options.engine} ${options.name}`, program: "worker.js" };
}
