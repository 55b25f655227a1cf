// The settings that say which modules of the app a server has.

import { defineConfig } from "@bk/core";

import { regexp, words } from "../config/value-types.js";

export const moduleSettings = defineConfig({
  "modules-path": {
    value: "folders",
    type: words(),
    aliases: ["path-modules"],
    shownDefault: "modules in the home folder, where there is one",
    help: "folders with modules of the app: files and folders that are named like the modules",
    group: "Modules",
  },
  "allow-modules": {
    value: "pattern",
    type: regexp,
    help: "a regular expression for the names of the modules of the app that are loaded; default: all",
    group: "Modules",
  },
  "allow-modules-*": {
    value: "pattern",
    type: regexp,
    help: "the same for processes of one role (server, web, worker), in place of the one for all",
    group: "Modules",
  },
  "deny-modules": {
    value: "pattern",
    type: regexp,
    aliases: ["modules-exclude"],
    help: "a regular expression for the names of those that are not loaded, also where they are allowed; default: none",
    group: "Modules",
  },
  "deny-modules-*": { value: "pattern", type: regexp, help: "the same for processes of one role", group: "Modules" },
  "optional-modules": {
    value: "pattern",
    type: regexp,
    help: "a regular expression for the names of those that the server starts without when they cannot be loaded or started; default: none",
    group: "Modules",
  },
});
