// `bk-server shell`: JavaScript at hand, with the database open. Or one piece of it, whose value is printed: by --eval, or from a pipe.

import { join } from "node:path";
import { type REPLServer, start } from "node:repl";
import { text } from "node:stream/consumers";
import { inspect } from "node:util";

import type { Configuration } from "../settings/configuration.js";
import { varFolder } from "../settings/home.js";
import { openDatabase } from "./open-database.js";
import { tell } from "./output.js";

export interface ShellOptions {
  /** Code to run in place of asking for some. */
  readonly eval?: string;
  readonly json?: boolean;
}

/** Ends when the person leaves, or once the code has run. */
export async function shellCommand(configuration: Configuration, { eval: code, json = false }: ShellOptions): Promise<void> {
  const { db, tables } = await openDatabase(configuration);
  try {
    const { config } = configuration;
    const piece = code ?? (process.stdin.isTTY ? undefined : await text(process.stdin));
    if (piece !== undefined) {
      const value = await runCode(piece, { db, config, tables: Object.keys(tables) });
      if (value !== undefined) tell({ json }, value, inspect(value, { depth: 6, colors: process.stdout.isTTY }));
      return;
    }
    const { stdin: input, stdout: output } = process;
    await talk(
      { db, config, tables: Object.keys(tables) },
      { input, output, history: join(varFolder(configuration.home), "shell_history") },
    );
  } finally {
    await db.close();
  }
}

type Body = (...values: readonly unknown[]) => Promise<unknown>;
const AsyncFunction = (async () => undefined).constructor as new (...parts: readonly string[]) => Body;

/** The value of an expression, or what statements return. */
export function runCode(code: string, names: Readonly<Record<string, unknown>>): Promise<unknown> {
  const make = (body: string): Body => new AsyncFunction(...Object.keys(names), body);
  let body: Body;
  try {
    body = make(`return (${code}\n)`);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    body = make(code);
  }
  return body(...Object.values(names));
}

interface Terminal {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
  /** The file with what was typed before. Default: nothing is kept. */
  readonly history?: string;
  /** Whether lines are edited. Default: where the output is a terminal. */
  readonly isTerminal?: boolean;
  /** Told of what is to be run. */
  readonly onLine?: (line: string) => void;
}

/** Asks and answers, until `.exit` or the end of the input. @param names  what is at hand; `tables` are completed */
export async function talk(names: Readonly<Record<string, unknown>>, terminal: Terminal): Promise<void> {
  const { input, output, history, isTerminal, onLine } = terminal;
  const shell = start({
    prompt: "bk> ",
    useGlobal: false,
    // Ctrl+C gives up what takes too long.
    breakEvalOnSigint: true,
    input,
    output,
    ...(isTerminal === undefined ? {} : { terminal: isTerminal }),
  });
  Object.assign(shell.context, names);
  const tables = (names["tables"] ?? []) as readonly string[];
  completeTables(shell, tables);
  if (onLine !== undefined) tellLines(shell, onLine);
  if (shell.terminal) {
    output.write(`${Object.keys(names).join(", ")} are at hand; tables: ${tables.join(", ") || "none"}; .exit or Ctrl+D ends\n`);
    // Without a history file it works all the same.
    if (history !== undefined) shell.setupHistory(history, () => undefined);
    shell.displayPrompt();
  }
  await new Promise<void>((resolve) => shell.once("exit", resolve));
}

function tellLines(shell: REPLServer, onLine: (line: string) => void): void {
  const usual = shell.eval;
  const own: typeof usual = function (this: REPLServer, code, ...rest) {
    if (code.trim() !== "") onLine(code.trim());
    usual.call(this, code, ...rest);
  };
  Object.defineProperty(shell, "eval", { value: own });
}

/** `db.get("no` + Tab gives the tables that begin so; all else is completed as in Node's own shell. */
function completeTables(shell: REPLServer, tables: readonly string[]): void {
  const usual = shell.completer;
  const own: typeof usual = (line, callback) => {
    const [, begun] = /\bdb\.\w+\(["'`](\w*)$/.exec(line) ?? [];
    if (begun === undefined) usual.call(shell, line, callback);
    else callback(null, [tables.filter((table) => table.startsWith(begun)), begun]);
  };
  Object.defineProperty(shell, "completer", { value: own });
}
