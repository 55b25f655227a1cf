// Settings of the logs.

import { defineConfig, integer, logFormats, logLevels, oneOf, string } from "@bk/core";

import { duration, words } from "../config/value-types.js";
import { isAccessField } from "../logging/access-fields.js";
import { accessFormats } from "../logging/access-options.js";
import { syslogTarget } from "../logging/syslog.js";

export const logLevelSetting = defineConfig({
  "log-level": {
    value: "level",
    type: oneOf(logLevels),
    default: "info",
    live: true,
    aliases: ["log"],
    help: `${logLevels.join(", ")}`,
    group: "Logging",
  },
});

const fields = words();

export const logSettings = defineConfig({
  "log-file": {
    value: "file",
    type: string(),
    help: "where the log goes; SIGHUP opens it anew after it was moved away; default: standard error",
    group: "Logging",
  },
  "log-format": {
    value: "form",
    type: oneOf(logFormats),
    shownDefault: "text; with development pretty",
    help: "text, a line each; json, an object a line; pretty, for people",
    group: "Logging",
  },
  "log-syslog": {
    value: "url",
    type: string(
      "udp://host:514, tcp://host:514 or unix:/path, with ?facility=local0&tag=name or without",
      (text) => syslogTarget(text) !== undefined,
    ),
    aliases: ["syslog"],
    help: "where the log goes as records of syslog (RFC 5424), in place of a file: udp://host:514, tcp://host:514 or unix:/path of a stream socket, with ?facility=local0&tag=bk",
    group: "Logging",
  },
  "log-errors-max": {
    value: "number",
    type: integer(),
    default: 100,
    aliases: ["api-errlog-limiter-max"],
    help: "errors with the same message that are written within log-errors-interval; 0: all",
    group: "Logging",
  },
  "log-errors-interval": {
    value: "time",
    type: duration({ min: 1 }),
    default: 30_000,
    shownDefault: "30s",
    aliases: ["api-errlog-limiter-interval"],
    help: "the time for which errors with the same message are counted",
    group: "Logging",
  },
  "access-log": {
    value: "form",
    type: oneOf([...accessFormats, "off"]),
    default: "log",
    help: "how requests are told: log, a line among the others; json, an object a line; combined, as Apache does; off",
    group: "Logging",
  },
  "access-log-file": {
    value: "file",
    type: string(),
    aliases: ["api-access-log-file"],
    help: "where lines of access-log json and combined go; SIGHUP opens it anew; default: where the log goes",
    group: "Logging",
  },
  "access-log-fields": {
    value: "list",
    type: {
      mustBe: "a list of q:name (a parameter of the query), h:name (a header), a:name (a member of the account), none of them a secret",
      read(given) {
        const list = fields.read(given);
        return list?.every((name) => isAccessField(name)) === true ? list : undefined;
      },
    },
    default: [] as readonly string[],
    aliases: ["api-access-log-fields"],
    help: "what is told of each request beside: q:name, a parameter of the query; h:name, a header; a:name, a member of the account",
    group: "Logging",
  },
});
