// What commands print: lines for people, or JSON, a line for each thing.

export interface JsonOption {
  readonly json?: boolean | undefined;
}

/** Prints lines on standard output. */
export function print(...lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`);
}

/** Any value as JSON: integers beyond what JSON numbers hold exactly as texts, as replies have them; `null` for what JSON has no words for. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, (_name, each: unknown) => (typeof each === "bigint" ? String(each) : each)) ?? "null";
}

/** Prints a value as a line of JSON. */
export function printJson(value: unknown): void {
  print(jsonText(value));
}

/** Prints what was done: as JSON where that was asked for, else as lines for people. */
export function tell({ json = false }: JsonOption, value: unknown, ...lines: readonly string[]): void {
  if (json) printJson(value);
  else print(...lines);
}
