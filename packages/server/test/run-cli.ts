// Runs bk-server as a process of its own: from its sources, or, where BK_TEST_BUILT is 1, as it was built, which starts in a fraction of the
// time. `npm test` builds first, and sets it.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { signRequest, type SignOptions } from "@bk/auth";
import { vi } from "vitest";

import { runCommandLine } from "../src/command-line.js";

const sources = fileURLToPath(new URL("../src/cli.ts", import.meta.url));
const built = fileURLToPath(new URL("../dist/cli.js", import.meta.url));
const loader = new URL("../../../node_modules/tsx/dist/loader.mjs", import.meta.url).href;

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** A command that runs the server, with its arguments: what comes next is the server's own. */
  readonly within?: readonly string[];
}

/** Tables in TypeScript need the loader in any case. */
function programFor(args: readonly string[]): string[] {
  if (process.env["BK_TEST_BUILT"] !== "1") return ["--conditions=bk-source", `--import=${loader}`, sources];
  return [...(args.some((arg) => arg.endsWith(".ts")) ? [`--import=${loader}`] : []), built];
}

function start(args: readonly string[], { env = {}, cwd, within = [] }: CliOptions): ChildProcess {
  const [command, ...rest] = [...within, process.execPath, ...programFor(args), ...args];
  return spawn(command!, rest, {
    env: { ...withoutSettings(), ...env },
    stdio: "pipe",
    ...(cwd === undefined ? {} : { cwd }),
  });
}

/** Runs a command to its end in this process, which is much quicker than a process of its own. Its output is caught. */
export async function runHere(args: readonly string[], { env = {}, cwd }: CliOptions = {}): Promise<CliResult> {
  const before = { env: process.env, cwd: process.cwd() };
  const written = { stdout: "", stderr: "" };
  const catching = (["stdout", "stderr"] as const).map((name) =>
    vi.spyOn(process[name], "write").mockImplementation(((chunk: string | Uint8Array, ...rest: unknown[]) => {
      written[name] += Buffer.from(chunk as string).toString();
      const done = rest.at(-1);
      if (typeof done === "function") (done as () => void)();
      return true;
    }) as typeof process.stdout.write),
  );
  process.env = { ...withoutSettings(), ...env };
  if (cwd !== undefined) process.chdir(cwd);
  try {
    const code = await runCommandLine(args);
    return { code, ...written };
  } finally {
    process.env = before.env;
    process.chdir(before.cwd);
    for (const spy of catching) spy.mockRestore();
  }
}

/** The environment without settings of the machine, which must not reach the tests. */
function withoutSettings(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("BK_")));
}

/** Runs a command to its end. */
export function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const child = start(args, options);
  child.stdin!.end(options.input ?? "");
  return finished(child);
}

/** What a process writes and how it ends. */
export async function finished(child: ChildProcess): Promise<CliResult> {
  let [stdout, stderr] = ["", ""];
  child.stdout!.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr!.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  return { code, stdout, stderr };
}

/** Starts a command and leaves it running; it has to be ended by the caller. */
export function startCli(args: readonly string[], options: CliOptions = {}): ChildProcess {
  return start(args, options);
}

export interface RunningServer extends AsyncDisposable {
  readonly url: string;
  readonly child: ChildProcess;
  /** What it wrote and how it ended, once it has. */
  readonly ended: Promise<CliResult>;
  /** Ends it with a signal, and gives what it wrote. */
  stop(signal?: NodeJS.Signals): Promise<CliResult>;
}

/** Starts a server and waits for its ready line. */
export async function startServerProcess(args: readonly string[], options: CliOptions = {}): Promise<RunningServer> {
  const child = start(args, options);
  const result = finished(child);
  const url = await new Promise<string>((resolve, reject) => {
    let text = "";
    child.stdout!.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      const match = /^bk-server listening on (https?:\/\/\S+)(?: and \S+)?\n/m.exec(text);
      if (match) resolve(match[1]!);
    });
    void result.then(({ code, stderr }) => reject(new Error(`bk-server ended with ${code}: ${stderr}`)));
  });
  const stop = (signal: NodeJS.Signals = "SIGTERM"): Promise<CliResult> => {
    child.kill(signal);
    return result;
  };
  return { url, child, ended: result, stop, [Symbol.asyncDispose]: async () => void (await stop("SIGKILL")) };
}

/** Sends a signed request. */
export async function signedFetch(sign: SignOptions & { readonly url: string }): Promise<Response> {
  const headers = await signRequest(sign);
  const { method = "GET", body } = sign;
  return fetch(sign.url, { method, headers, ...(body === undefined || body === null ? {} : { body: body as string }) });
}

/** A folder that is removed when the test ends. */
export function temporaryFolder(): { readonly path: string; file(name: string): string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), "bk-server-"));
  return { path, file: (name) => join(path, name), [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
