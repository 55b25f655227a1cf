// Code of an app, which stands in a file.

import { extname } from "node:path";
import { pathToFileURL } from "node:url";

/** The endings of files that can be loaded. */
export const codeEndings: readonly string[] = [".js", ".mjs", ".ts", ".mts"];

/**
 * Loads a file as a module of JavaScript.
 *
 * @param path    whole
 * @param refuse  makes the error of what is wrong: half a sentence that begins behind the name of the file
 */
export async function importFile(
  path: string,
  refuse: (what: string, cause?: unknown) => Error,
): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException | undefined)?.code === "ERR_UNKNOWN_FILE_EXTENSION" && /^\.m?ts$/.test(extname(path)))
      throw refuse(
        `is TypeScript, which Node ${process.versions.node} does not read; use Node 22.18 or newer, give Node the option --import tsx, or compile it`,
        cause,
      );
    throw refuse(`cannot be loaded: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
}
