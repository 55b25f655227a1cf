import { cassandra, cassandraCluster } from "./cassandra.js";
import { chromium } from "./chromium.js";
import { couchdb } from "./couchdb.js";
import { dynamodb } from "./dynamodb.js";
import { elasticsearch } from "./elasticsearch.js";
import { hazelcast, hazelcastCluster } from "./hazelcast.js";
import { mariadb } from "./mariadb.js";
import { memcached } from "./memcached.js";
import { mongodb, mongodbSet } from "./mongodb.js";
import { mysql } from "./mysql.js";
import { nats } from "./nats.js";
import { opensearch } from "./opensearch.js";
import { postgres } from "./postgres.js";
import { rabbitmq } from "./rabbitmq.js";
import { riak } from "./riak.js";
import type { Recipe } from "./recipe.js";
import { redisCluster } from "./redis-cluster.js";
import { redisSentinel } from "./redis-sentinel.js";
import { redis } from "./redis.js";
import { sqs } from "./sqs.js";

/** All servers, one line each. The slow ones come first, so that a run that starts them all ends soonest. */
export const recipes: readonly Recipe[] = [
  cassandra,
  cassandraCluster,
  opensearch,
  elasticsearch,
  mysql,
  mariadb,
  dynamodb,
  hazelcast,
  hazelcastCluster,
  mongodb,
  mongodbSet,
  rabbitmq,
  redisCluster,
  redisSentinel,
  couchdb,
  chromium,
  memcached,
  postgres,
  sqs,
  redis,
  nats,
  riak,
];
