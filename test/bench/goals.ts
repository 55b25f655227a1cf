// The goals of @bk/db, as ratios to the raw prepared client of the same run; smaller is better.

import type { EngineName } from "./contestant.js";

type Goals = Readonly<Record<string, number>>;

const mysql: Goals = { get: 1, update: 1, incr: 1, put: 1, conc64: 0.06, tick1000: 0.06, tick200put: 0.3, bulk: 0.55 };

const network: Goals = { get: 1.2, conc64: 0.6 };

export const goals: Readonly<Record<EngineName, Goals>> = {
  sqlite: {
    get: 1.1,
    getMiss: 1.3,
    select: 0.95,
    page: 0.9,
    update: 1.05,
    incr: 1.05,
    put: 1.05,
    add: 1,
    del: 1.05,
    bulk: 0.95,
    conc64: 1.2,
    tick1000: 1.2,
    tick200put: 0.45,
  },
  pg: {
    get: 1.05,
    getMiss: 1.1,
    page: 0.85,
    update: 1,
    incr: 1,
    put: 1.1,
    add: 1.1,
    del: 1.1,
    bulk: 0.5,
    conc64: 0.07,
    tick1000: 0.07,
    tick200put: 0.18,
  },
  mysql,
  mariadb: mysql,
  redis: { get: 1.05, getMiss: 1.05, put: 1.05, del: 1.05, conc64: 0.4, put64: 0.6, tick1000: 0.35, tick200put: 0.5 },
  lmdb: { get: 2 },
  level: { get: 2 },
  mongodb: network,
  dynamodb: network,
  cassandra: network,
  elasticsearch: network,
};

/** Milliseconds from loading the package to the first row. */
export const startGoalMs = 40;
