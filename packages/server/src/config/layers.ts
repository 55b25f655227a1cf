// What several places say of one setting, and which of them decides.

import { type Parameter, redactUrl } from "@bk/core";

import { didYouMean } from "../settings/similar-name.js";
import type { Given } from "./config-text.js";
import type { Names } from "./define-config.js";
import { environmentName } from "./define-config.js";
import { invalidSetting, SettingsError } from "./errors.js";

/** From the weakest to the strongest. */
export const layerNames = ["package", "file", "local file", "DNS", "database", "environment", "command line"] as const;
export type LayerName = (typeof layerNames)[number];

/** The same where `config-priority` is `db`: a fleet is led from the database. */
const databaseFirst: readonly LayerName[] = ["package", "file", "local file", "DNS", "environment", "database", "command line"];

export type Layers = Readonly<Record<LayerName, readonly Given[]>>;

/** What decides a setting. */
export interface Settled {
  readonly name: string;
  readonly parameter: Parameter;
  readonly definition: string;
  /** As it was given; undefined: taken back. */
  readonly text: string | undefined;
  readonly value: unknown;
  readonly layer: LayerName;
  readonly where: string;
}

/** All settings at one time. */
export interface Snapshot {
  /** By name. What only has its default is not among them. */
  readonly settled: ReadonlyMap<string, Settled>;
  /** What each layer says of a name, the strongest first. */
  said(name: string): readonly Settled[];
  /** What was given and has no effect, or is old, a sentence each. */
  readonly warnings: readonly string[];
}

/** Layers whose rows other versions of the app may have written: what cannot be read there is told, and left out. */
const lenient: ReadonlySet<LayerName> = new Set(["database"]);

/**
 * @param role  the settings of which roles hold, beside those of all
 * @throws SettingsError for unknown names and wrong values, wherever they are, also where a stronger layer decides
 */
export function settle(layers: Layers, names: Names, role: string, priority: "local" | "db"): Snapshot {
  const warnings: string[] = [];
  const said = new Map<string, Settled[]>();
  const order = priority === "db" ? databaseFirst : layerNames;
  for (const layer of order) {
    const own = new Map<string, { readonly settled: Settled; readonly isForRole: boolean }>();
    const ours = names.rename(layers[layer]);
    warnings.push(...ours.warnings);
    for (const given of ours.given) {
      try {
        const { settled, warning } = read(given, layer, names);
        if (warning !== undefined) warnings.push(warning);
        if (given.role !== undefined && given.role !== role) continue;
        const isForRole = given.role !== undefined;
        if (isForRole || !own.get(settled.name)?.isForRole) own.set(settled.name, { settled, isForRole });
      } catch (error) {
        if (!lenient.has(layer) || !(error instanceof SettingsError)) throw error;
        warnings.push(`${error.message}; it is left out`);
      }
    }
    for (const { settled } of own.values()) said.set(settled.name, [settled, ...(said.get(settled.name) ?? [])]);
  }
  return { settled: new Map([...said].map(([name, [first]]) => [name, first!])), said: (name) => said.get(name) ?? [], warnings };
}

function read({ name, text, where }: Given, layer: LayerName, names: Names): { settled: Settled; warning: string | undefined } {
  const found = names.find(name);
  if (found === undefined) throw unknown(name, where, names);
  const { parameter, definition } = found;
  if (parameter.early && layer !== "environment" && layer !== "command line")
    throw invalidSetting(
      name,
      `${where}: ${name} decides where settings are looked for; give it on the command line or as ${environmentName(name)}`,
    );
  const value = text === undefined ? undefined : parameter.type.read(text);
  if (text !== undefined && value === undefined) {
    const problem = text === "" ? "is empty" : `must be ${parameter.type.mustBe}`;
    throw invalidSetting(name, `${where}: ${name} ${problem}`);
  }
  return {
    settled: { name: found.name, parameter, definition, text, value, layer, where },
    warning: found.isAlias ? `${where}: ${name} is an old name; write ${found.name}` : undefined,
  };
}

function unknown(name: string, where: string, names: Names): SettingsError {
  return invalidSetting(name, `${where} has an unknown setting ${JSON.stringify(name.slice(0, 60))}${didYouMean(name, names.all)}`);
}

/** A value fit for people: secrets are hidden, and passwords in URLs. */
export function shown({ parameter, text }: Pick<Settled, "parameter" | "text">): string {
  if (text === undefined) return "(taken back)";
  return parameter.secret ? "***" : redactUrl(text);
}

/** A default fit for people; undefined where there is none. */
export function shownDefault({ default: value, shownDefault }: Parameter): string | undefined {
  if (shownDefault !== undefined) return shownDefault;
  if (value === undefined) return undefined;
  if (value instanceof RegExp) return value.source;
  if (value instanceof Map) return [...(value as Map<string, string>)].map(([key, own]) => `${key}:${own}`).join(",");
  return Array.isArray(value)
    ? value.join(",")
    : typeof value === "object"
      ? JSON.stringify(value)
      : String(value as string | number | boolean);
}
