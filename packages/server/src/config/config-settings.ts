// The parameters of the configuration itself: where it is looked for, and who asks.

import { defineConfig, oneOf, string } from "@bk/core";

import { duration, words } from "./value-types.js";

const word = string("a word of letters, digits, -, _ and .", (text) => /^[\w.-]{1,100}$/.test(text));

export const configSettings = defineConfig({
  home: {
    value: "folder",
    type: string(),
    early: true,
    shownDefault: "the current folder",
    help: "where var/ with the embedded database and keys is made, and etc/config is looked for",
    group: "Configuration",
  },
  config: {
    value: "file",
    type: string(),
    early: true,
    aliases: ["config-file", "conf-file"],
    shownDefault: "etc/config in the home folder, where there is one",
    help: "settings, one name=value a line; FILE.local beside it is stronger",
    group: "Configuration",
  },
  "run-mode": {
    value: "word",
    type: word,
    default: "development",
    dns: true,
    help: "what sections [mode=…] and rows of the table bk_config are chosen by",
    group: "Configuration",
  },
  "app-name": {
    value: "word",
    type: word,
    default: "bk",
    help: "the name of the app, for sections, rows and process titles",
    group: "Configuration",
  },
  "instance-tag": {
    value: "word",
    type: word,
    aliases: ["tag"],
    help: "what this machine is one of, for sections and rows",
    group: "Configuration",
  },
  "instance-region": { value: "word", type: word, aliases: ["region"], help: "where it is", group: "Configuration" },
  "instance-zone": { value: "word", type: word, aliases: ["zone"], help: "where it is, more exactly", group: "Configuration" },
  packages: {
    value: "list",
    type: words(),
    default: [],
    aliases: ["allow-packages", "app-import"],
    help: "npm packages whose etc/config gives settings, weaker than all others, and whose modules, web and locales the server has beside those of the app",
    group: "Configuration",
  },
  "config-domain": {
    value: "domain",
    type: string("a domain name", (text) => /^[\w-]+(\.[\w-]+)+\.?$/.test(text)),
    help: "DNS is asked for TXT records PARAMETER.DOMAIN; default: it is not asked",
    group: "Configuration",
  },
  "dns-params": {
    value: "list",
    type: words(),
    default: [],
    help: "parameters that DNS is asked for, beside those that say so",
    group: "Configuration",
  },
  "config-dns-interval": {
    value: "time",
    type: duration(),
    default: 300_000,
    shownDefault: "5m",
    live: true,
    help: "how often DNS is asked again; 0: never",
    group: "Configuration",
  },
  "config-db": {
    value: "place",
    type: string(),
    aliases: ["db-config"],
    help: "the table bk_config gives settings too: main for the main database, the name of a pool, or a URL; default: none",
    group: "Configuration",
  },
  "config-db-interval": {
    value: "time",
    type: duration(),
    default: 5000,
    shownDefault: "5s",
    live: true,
    help: "how often the table is read again; 0: never",
    group: "Configuration",
  },
  "config-priority": {
    value: "who",
    type: oneOf(["local", "db"]),
    default: "local",
    help: "who is stronger: the environment, or the table bk_config",
    group: "Configuration",
  },
});
