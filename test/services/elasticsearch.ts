import { javaServer } from "./java-server.js";

/** Elasticsearch without X-Pack: the core, scripts and the common analyzers. */
export const elasticsearch = javaServer(
  "elasticsearch",
  "elasticsearch",
  {
    profile: "elasticsearch",
    folder: "elasticsearch-7.17.29",
    what: "Elasticsearch 7.17.29",
    goal: ["copy-dependencies", "-DincludeScope=runtime"],
    file: "elasticsearch-7.17.29.jar",
    sha256: "8d4c205092aae12608419d85f33a8d9673b4673615cf1e921c855b2106b798ad",
  },
  "ElasticsearchServer",
);
