import { readFileSync } from "node:fs";

import { invalidSetting } from "../config/errors.js";

/** @throws SettingsError naming the setting, for a file that cannot be read */
export function readSettingFile(setting: string, file: string, encoding: BufferEncoding = "utf8"): string {
  try {
    return readFileSync(file, encoding);
  } catch (cause) {
    throw invalidSetting(setting, `${setting}: cannot read ${file} (${(cause as NodeJS.ErrnoException).code})`, cause);
  }
}
