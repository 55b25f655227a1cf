import { BkError } from "@bk/core";

/** What the import of an optional package failed with: `driver-missing`, which names the package, where it is not installed. */
export function missingPackage(error: unknown, name: string, feature: string): unknown {
  const isMissing = error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND" && error.message.includes(name);
  return isMissing
    ? new BkError("driver-missing", `${feature} needs the package ${name}; run: npm install ${name}`, { cause: error })
    : error;
}
