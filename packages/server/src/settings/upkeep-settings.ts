// Settings of what is looked after beside requests.

import { defineConfig } from "@bk/core";

import { duration } from "../config/value-types.js";

const age = duration({ max: Number.MAX_SAFE_INTEGER });

export const upkeepSettings = defineConfig({
  "tmp-age": {
    value: "time",
    type: age,
    default: 0,
    live: true,
    help: "once an hour files in tmp of the home folder that were not changed for so long are removed, such as 1d; 0: never",
    group: "Upkeep",
  },
  "log-age": {
    value: "time",
    type: age,
    default: 0,
    live: true,
    help: "the same of log of the home folder; what is written or open, message.log and error.log stay; 0: never",
    group: "Upkeep",
  },
});
