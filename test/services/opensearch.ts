import { javaServer } from "./java-server.js";

/** OpenSearch without security. */
export const opensearch = javaServer(
  "opensearch",
  "opensearch",
  {
    profile: "opensearch",
    folder: "opensearch-2.19.1",
    what: "OpenSearch 2.19.1",
    goal: ["copy-dependencies", "-DincludeScope=runtime"],
    file: "opensearch-2.19.1.jar",
    sha256: "8d89eede16be5eefe0452884a2bd147b7f24ab6840fabff5ce9fbae3848812ec",
  },
  "OpenSearchServer",
);
