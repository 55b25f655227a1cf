// Settings of the log watcher.

import { defineConfig, integer, string } from "@bk/core";

import { bool, duration, words } from "../config/value-types.js";
import { reportTarget } from "../log-watch/report-target.js";

const expression = string("a regular expression", (text) => {
  try {
    new RegExp(text);
    return true;
  } catch {
    return false;
  }
});

export const logWatchSettings = defineConfig({
  "logwatch-interval": {
    value: "time",
    type: duration(),
    default: 3_600_000,
    shownDefault: "1h",
    help: "how often logs are looked at for what is to be told, where a logwatch-<channel>-send says whom; 0: by bk-server logwatch alone",
    group: "Log watcher",
  },
  "logwatch-files": {
    value: "list",
    type: words(),
    aliases: ["logwatcher-file"],
    help: "the logs that are looked at; default: log-file",
    group: "Log watcher",
  },
  "logwatch-*-files": { value: "list", type: words(), help: "logs of which every line is of the channel", group: "Log watcher" },
  "logwatch-*-match": {
    value: "expression",
    type: expression,
    help: "the lines of a channel; the channels error and warning have some of their own, and lines of the channel any are told with one of another that stands shortly before",
    group: "Log watcher",
  },
  "logwatch-any-range": {
    value: "number",
    type: integer({ min: 1 }),
    default: 5,
    aliases: ["logwatcher-any-range"],
    help: "how many lines before one of the channel any the other may stand",
    group: "Log watcher",
  },
  "logwatch-*-ignore": {
    value: "expression",
    type: expression,
    help: "lines that are not of the channel all the same",
    group: "Log watcher",
  },
  "logwatch-*-send": {
    value: "url",
    type: string(
      "console:, table:, https://host/path, slack:https://host/path or mailto:ann@example.com",
      (text) => reportTarget(text) !== undefined,
    ),
    secret: true,
    help: "whom lines of the channel are told: console:, table: (bk_log_report), a web address that gets JSON, one after slack: that gets the form of Slack, or mailto:ann@example.com, which needs mail-transport and mail-from",
    group: "Log watcher",
  },
  "logwatch-*-once": {
    value: "flag",
    type: bool,
    help: "a line is told once, and again only after a day without it",
    group: "Log watcher",
  },
  "logwatch-pause": {
    value: "time",
    type: duration(),
    default: 300_000,
    shownDefault: "5m",
    help: "the least time between two reports of a channel; what comes meanwhile is told together",
    group: "Log watcher",
  },
});
