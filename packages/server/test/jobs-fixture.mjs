// Jobs of an app, for commands.

import { defineJobs } from "@bk/queue";

export const jobs = defineJobs({
  note: {
    run(input) {
      if (typeof input.n !== "number") throw new Error("n is no number");
      return Promise.resolve();
    },
  },
});
