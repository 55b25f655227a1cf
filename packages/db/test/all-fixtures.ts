// Every driver's fixtures.

import { fixture as cassandra } from "../src/drivers/cassandra/fixture.js";
import { fixture as couchdb } from "../src/drivers/couchdb/fixture.js";
import { fixture as dynamodb } from "../src/drivers/dynamodb/fixture.js";
import { fixture as elasticsearch, opensearchFixture } from "../src/drivers/elasticsearch/fixture.js";
import { fixture as level } from "../src/drivers/level/fixture.js";
import { fixture as lmdb } from "../src/drivers/lmdb/fixture.js";
import { fixture as memory } from "../src/drivers/memory/fixture.js";
import { fixture as mongodb, setFixture } from "../src/drivers/mongodb/fixture.js";
import { fixture as mysql, mariadbFixture } from "../src/drivers/mysql/fixture.js";
import { fixture as pg } from "../src/drivers/postgres/fixture.js";
import { clusterFixture, fixture as redis } from "../src/drivers/redis/fixture.js";
import { fixture as riak } from "../src/drivers/riak/fixture.js";
import { fixture as sqlite } from "../src/drivers/sqlite/fixture.js";
import type { Fixture } from "./fixtures.js";

export const fixtures: readonly Fixture[] = [
  memory,
  sqlite,
  lmdb,
  level,
  pg,
  mysql,
  mariadbFixture,
  dynamodb,
  mongodb,
  cassandra,
  setFixture,
  redis,
  clusterFixture,
  couchdb,
  elasticsearch,
  opensearchFixture,
  riak,
];
