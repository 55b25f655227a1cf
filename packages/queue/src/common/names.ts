import { invalid } from "../errors.js";

const maxNameLength = 200;

/**
 * Checks the name of a queue, service or job: letters, digits, `_`, `-` and `.`, beginning with a letter or digit, at most 200 in all.
 * Every engine takes such names, and drivers may join them with `:` and braces without meeting another's.
 *
 * @throws QueueError `invalid`
 */
export function checkName(name: unknown, what: string): asserts name is string {
  if (typeof name === "string" && name.length <= maxNameLength && /^[A-Za-z0-9][\w.-]*$/.test(name)) return;
  throw invalid(`${what} must have letters, digits, "_", "-" and "." and begin with a letter or digit, at most ${maxNameLength} in all`);
}
