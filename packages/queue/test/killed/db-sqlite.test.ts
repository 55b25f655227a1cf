import { join } from "node:path";
import { testKilled } from "./test-killed.js";

testKilled({ name: "db", env: undefined, url: ({ folder }) => `db:sqlite:${join(folder, "queue.db")}` });
