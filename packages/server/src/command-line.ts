// Runs a command line of bk-server.

import { BkError, plainText } from "@bk/core";
import { CommanderError } from "commander";

import { SettingsError } from "./config/errors.js";
import { buildProgram } from "./command-line/program.js";
import { normalizeArguments } from "./command-line/arguments.js";
import { newSpelling } from "./command-line/old-spelling.js";
import { isPortInUse } from "./processes/listen-at.js";
import { didYouMean } from "./settings/similar-name.js";

/** EX_TEMPFAIL of sysexits.h. */
const portInUse = 75;

/**
 * Runs a command line, and gives the exit code: 0, 1 when the command failed, 2 when it cannot be understood, 75 when another program has the port.
 *
 * @param args  without the names of Node and of the program
 */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  let exitCode = 0;
  const program = buildProgram((code) => (exitCode = code));
  const known = new Set(program.commands.flatMap((command) => [command.name(), ...command.aliases()]));
  const spelled = newSpelling(args, known);
  if (spelled !== undefined) process.stderr.write(`bk-server: ${spelled.old} is an old spelling; write ${spelled.now}\n`);
  try {
    const word = spelled === undefined ? args[0] : undefined;
    if (word !== undefined && /^\w/.test(word) && !known.has(word))
      program.error(`error: unknown command '${plainText(word, 60)}'${didYouMean(word.slice(0, 60), [...known])}`);
    await program.parseAsync(normalizeArguments(spelled?.args ?? args, program), { from: "user" });
    return exitCode;
  } catch (error) {
    // Commander has said what is wrong already; help and version end here too, with 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    process.stderr.write(`bk-server: ${plainText(error instanceof Error ? error.message : String(error))}\n`);
    // What the file system says names the path; a stack is for faults of ours.
    const isKnown = error instanceof BkError || (error as NodeJS.ErrnoException | undefined)?.syscall !== undefined;
    if (!isKnown && error instanceof Error) process.stderr.write(`${error.stack}\n`);
    return error instanceof SettingsError ? 2 : isPortInUse(error) ? portInUse : 1;
  }
}
