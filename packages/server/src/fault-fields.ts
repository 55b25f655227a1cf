import { BkError, type LogFields } from "@bk/core";

/** What goes into the log about a fault: never values, so of our own errors the message, of others the place, of causes the name. */
export function faultFields(error: unknown): LogFields {
  if (!(error instanceof Error)) return { name: typeof error };
  const cause = error.cause instanceof Error ? { cause: nameOf(error.cause) } : {};
  if (error instanceof BkError) return { code: error.code, message: error.message, ...cause };
  const at = error.stack?.split("\n").filter((line) => /^\s+at /.test(line));
  return { name: nameOf(error), at: at?.slice(0, 4).map((line) => line.trim()), ...cause };
}

function nameOf(error: Error): string {
  const { code } = error as { readonly code?: unknown };
  return typeof code === "string" || typeof code === "number" ? `${error.name} ${code}` : error.name;
}
