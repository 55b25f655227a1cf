import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Server programs often lie where only root's PATH leads. */
const MORE = ["/usr/sbin", "/usr/local/sbin", "/sbin"];

/** The full path of a program, or undefined when it is not installed. */
export function onPath(program: string, folders: readonly string[] = searchPath()): string | undefined {
  return folders.map((folder) => join(folder, program)).find(isExecutable);
}

function searchPath(): string[] {
  return [...(process.env["PATH"] ?? "").split(delimiter).filter(Boolean), ...MORE];
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
