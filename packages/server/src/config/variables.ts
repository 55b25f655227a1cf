// Variables of the environment, and the settings that they give.

import { plainText } from "@bk/core";

import { didYouMean } from "../settings/similar-name.js";
import { environmentName, type Names } from "./define-config.js";

export type Environment = Readonly<Record<string, string | undefined>>;

/** The setting of a variable: `BK_DB_PG_POOL`, `BKJS_PORT`, `BK_MASTER_KEY_FILE`. */
export function settingOf(variable: string, names: Names): string | undefined {
  const [, rest] = /^BK(?:JS)?_([A-Z][A-Z0-9_]*)$/.exec(variable) ?? [];
  if (rest === undefined) return undefined;
  const name = names.ofVariable(rest);
  if (name !== undefined) return name;
  const inFile = rest.endsWith("_FILE") ? names.ofVariable(rest.slice(0, -"_FILE".length)) : undefined;
  return inFile === undefined ? undefined : `${inFile}@file`;
}

/** Other programs may have variables that begin so, which is no error; but a mistyped name must not be met with silence. */
export function unknownVariables(environment: Environment, names: Names): string[] {
  const unknown = Object.keys(environment).filter((variable) => variable.startsWith("BK_") && settingOf(variable, names) === undefined);
  const known = names.all.map(environmentName);
  return unknown.map((variable) => `${plainText(variable, 60)} is no setting and has no effect${didYouMean(variable, known)}`);
}
