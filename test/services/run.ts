import { spawn } from "node:child_process";

/** Options of `run`. */
export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
}

/**
 * Runs a command to its end.
 *
 * @returns  what it wrote to standard output
 * @throws Error  when it cannot be started or ends with another status than 0, with the end of what it wrote
 */
export function run(command: readonly string[], options: RunOptions = {}): Promise<string> {
  const [file = "", ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      stdio: ["ignore", "pipe", "pipe"],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: { ...process.env, ...options.env },
    });
    let out = "";
    let all = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      out += text;
      all += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => (all += text));
    child.on("error", reject);
    child.on("close", (status, signalName) => {
      if (status === 0) resolve(out);
      else reject(new Error(`${command.join(" ")} ended with ${signalName ?? status}:\n${lastLines(all, 40)}`));
    });
  });
}

/** The last `count` lines of a text. */
export function lastLines(text: string, count: number): string {
  return text.trimEnd().split("\n").slice(-count).join("\n");
}
