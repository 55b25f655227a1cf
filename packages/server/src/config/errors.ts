import { BkError } from "@bk/core";

/** Settings that cannot be understood, wherever they come from. The message names the setting and the place, never the value. */
export class SettingsError extends BkError {}

export function invalidSetting(field: string, message: string, cause?: unknown): SettingsError {
  return new SettingsError("invalid", message, { detail: { field }, cause });
}
