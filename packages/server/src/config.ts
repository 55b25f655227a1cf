/**
 * Configuration in layers: described once, read from files, DNS, a table, the environment and the command line, changed while the app runs.
 *
 * @module
 */
export { type Config, type ConfigOptions, type Explained, openConfig, type Said } from "./config/config.js";
export { ConfigRows, type ConfigRow, configTable } from "./config/db-layer.js";
export type { ResolveTxt } from "./config/dns-layer.js";
export { SettingsError } from "./config/errors.js";
export { type ConfigValues, defineConfig, type Definitions, integer, number, oneOf, type Parameter, string } from "@bk/core";
export { bool, bytes, duration, json, pairs, regexp, words } from "./config/value-types.js";
