// What the engines compute over rows, as they are told.

import { describe, expect, it } from "vitest";
import { mariadbDialect, mysqlDialect } from "../../src/drivers/mysql/dialect.js";
import { postgresDialect } from "../../src/drivers/postgres/dialect.js";
import { sqliteDialect } from "../../src/drivers/sqlite/dialect.js";
import { describeCommand, type SqlRead } from "../../src/engines/sql/command.js";
import { compileSql } from "../../src/engines/sql/compile.js";
import type { SqlDialect } from "../../src/engines/sql/dialect.js";
import { aggregateShapes, columnOf, count } from "./shapes.js";

const commandsOf = (dialect: SqlDialect): Record<string, unknown> =>
  Object.fromEntries(Object.entries(aggregateShapes).map(([name, shape]) => [name, describeCommand(compileSql(shape, dialect))]));

const sumOf = (name: string, dialect: SqlDialect): SqlRead =>
  compileSql(count("sample", { measures: [{ op: "sum", column: columnOf("sample", name) }] }), dialect) as SqlRead;

describe("aggregates in SQL", () => {
  it("SQLite adds integers in two halves, which are put together", () => {
    expect(commandsOf(sqliteDialect)).toMatchInlineSnapshot(`
      {
        "distinct": "SELECT "place" FROM "photo" GROUP BY "place" ORDER BY "place" LIMIT CAST(? AS INTEGER)",
        "groups": "SELECT "place", "stars", count(*), CAST(sum("stars" >> 32) AS TEXT), CAST(sum("stars" - (("stars" >> 32) << 32)) AS TEXT), min("place") FROM "photo" WHERE "owner" = ? GROUP BY "place", "stars" ORDER BY "place", "stars" DESC LIMIT CAST(? AS INTEGER)",
        "groups after a position": "SELECT "place", count(*) FROM "photo" WHERE "owner" = ? AND "place" > ? GROUP BY "place" ORDER BY "place" LIMIT CAST(? AS INTEGER)",
        "integers, over all rows": "SELECT CAST(sum("number" >> 32) AS TEXT), CAST(sum("number" - (("number" >> 32) << 32)) AS TEXT), CAST(sum("big" >> 32) AS TEXT), CAST(sum("big" - (("big" >> 32) << 32)) AS TEXT), count("big"), CAST(min("big") AS TEXT), CAST(max("big") AS TEXT) FROM "sample"",
        "other kinds, over all rows": "SELECT count("ratio"), max("ratio"), min("price"), max("price"), min("on"), max("on"), min("born") FROM "sample"",
      }
    `);
    const gather = sumOf("big", sqliteDialect).gather!;
    expect(gather(["-2147483648", "5"])).toEqual([String(-(2n ** 63n) + 5n)]);
    expect(gather([null, null])).toEqual([null]);
    // What is no integer is handed on as it is, to be refused by the column's name.
    expect(gather(["0", "1.5"])).toEqual(["1.5"]);
  });

  it("PostgreSQL", () => {
    expect(commandsOf(postgresDialect)).toMatchInlineSnapshot(`
      {
        "distinct": "SELECT "place" FROM "photo" GROUP BY "place" ORDER BY ("place" COLLATE "C") NULLS FIRST LIMIT $1",
        "groups": "SELECT "place", "stars", count(*), sum("stars"), min(("place" COLLATE "C")) FROM "photo" WHERE "owner" = $1 GROUP BY "place", "stars" ORDER BY ("place" COLLATE "C") NULLS FIRST, "stars" DESC NULLS LAST LIMIT $2",
        "groups after a position": "SELECT "place", count(*) FROM "photo" WHERE "owner" = $1 AND "place" > ($2 COLLATE "C") GROUP BY "place" ORDER BY ("place" COLLATE "C") NULLS FIRST LIMIT $3",
        "integers, over all rows": "SELECT sum("number"), sum("big"), count("big"), min("big"), max("big") FROM "sample"",
        "other kinds, over all rows": "SELECT count("ratio"), max("ratio"), min("price"), max("price"), bool_and("on"), bool_or("on"), min("born") FROM "sample"",
      }
    `);
  });

  it("MySQL and MariaDB add decimals in two parts, which are put together", () => {
    expect(commandsOf(mysqlDialect)).toMatchInlineSnapshot(`
      {
        "distinct": "SELECT \`place\` FROM \`photo\` GROUP BY \`place\` ORDER BY \`place\` LIMIT ?",
        "groups": "SELECT \`place\`, \`stars\`, count(*), sum(\`stars\`), min(\`place\`) FROM \`photo\` WHERE \`owner\` = ? GROUP BY \`place\`, \`stars\` ORDER BY \`place\`, \`stars\` DESC LIMIT ?",
        "groups after a position": "SELECT \`place\`, count(*) FROM \`photo\` WHERE \`owner\` = ? AND \`place\` > ? GROUP BY \`place\` ORDER BY \`place\` LIMIT ?",
        "integers, over all rows": "SELECT sum(\`number\`), sum(\`big\`), count(\`big\`), min(\`big\`), max(\`big\`) FROM \`sample\`",
        "other kinds, over all rows": "SELECT count(\`ratio\`), max(\`ratio\`), min(\`price\`), max(\`price\`), min(\`on\`), max(\`on\`), min(\`born\`) FROM \`sample\`",
      }
    `);
    expect(commandsOf(mariadbDialect)).toEqual(commandsOf(mysqlDialect));
    const { statement, gather } = sumOf("price", mysqlDialect);
    expect(statement.text).toMatchInlineSnapshot(
      `"SELECT sum(CAST(TRUNCATE(\`price\`, 0) AS DECIMAL(65,0))), sum(\`price\` - TRUNCATE(\`price\`, 0)) FROM \`sample\`"`,
    );
    expect(gather!([`${"9".repeat(36)}`, "-0.500000000000000000000000000000"])).toEqual([`${"9".repeat(35)}8.5`]);
  });
});
