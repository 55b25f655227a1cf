import { describe, expect, it } from "vitest";
import { compileMysql, describeMysql } from "../../src/drivers/mysql/compile.js";
import { mariadbDialect, mysqlBytesDialect, mysqlDialect } from "../../src/drivers/mysql/dialect.js";
import type { Shape } from "../../src/driver.js";
import type { SqlDialect } from "../../src/engines/sql/dialect.js";
import { shapes } from "./shapes.js";

/** The commands of the shapes that the driver's capabilities let the core ask for. */
function commandsOf(dialect: SqlDialect): Record<string, unknown> {
  const deletesGiveRows = dialect.name === "mariadb";
  const isClaimed = (shape: Shape): boolean => {
    if (shape.verb === "update") return shape.returning === "none" && shape.insert === undefined;
    if (shape.verb === "put") return shape.returning === "none";
    if (shape.verb === "delete") return shape.returning === "none" || deletesGiveRows;
    return true;
  };
  // Elements of lists are found by the core.
  const claimed = Object.entries(shapes).filter(([name, shape]) => name !== "filter elements" && isClaimed(shape));
  return Object.fromEntries(claimed.map(([name, shape]) => [name, describeMysql(compileMysql(shape, dialect))]));
}

/** Those that differ from another dialect's. */
function differences(dialect: SqlDialect, from: SqlDialect): Record<string, unknown> {
  const known = commandsOf(from);
  return Object.fromEntries(
    Object.entries(commandsOf(dialect)).filter(([name, command]) => JSON.stringify(command) !== JSON.stringify(known[name])),
  );
}

describe("driver: mysql", () => {
  it("compiles the fixed shapes to these commands", () => {
    expect(commandsOf(mysqlDialect)).toMatchInlineSnapshot(`
      {
        "add": "INSERT INTO \`account\` (\`id\`, \`email\`, \`name\`, \`logins\`, \`mtime\`) VALUES (?, ?, ?, ?, ?)",
        "add over an expired row": [
          "INSERT INTO \`photo\` (\`owner\`, \`taken\`, \`tags\`, \`meta\`, \`place\`, \`stars\`, \`expires\`) VALUES (?, ?, ?, ?, ?, ?, ?)",
          "UPDATE \`photo\` SET \`tags\` = ?, \`meta\` = ?, \`place\` = ?, \`stars\` = ?, \`expires\` = ? WHERE \`owner\` = ? AND \`taken\` = ? AND \`expires\` <= ?",
        ],
        "count": "SELECT count(*) FROM \`photo\` WHERE \`owner\` = ?",
        "define column": "ALTER TABLE \`photo\` ADD COLUMN \`meta\` LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        "define index": "CREATE INDEX \`photo$place$stars$index\` ON \`photo\` (\`place\`, \`stars\`)",
        "define open table": "CREATE TABLE IF NOT EXISTS \`note\` (\`id\` VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL, \`text\` LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin, \`_rest\` LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, PRIMARY KEY (\`id\`)) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4",
        "define search": [],
        "define searched table": "CREATE TABLE IF NOT EXISTS \`post\` (\`id\` VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL, \`title\` LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin, \`body\` LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin, PRIMARY KEY (\`id\`)) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4",
        "define table": "CREATE TABLE IF NOT EXISTS \`photo\` (\`owner\` VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL, \`taken\` BIGINT NOT NULL, \`tags\` LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, \`meta\` LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, \`place\` VARCHAR(507) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin, \`stars\` BIGINT, \`expires\` BIGINT, PRIMARY KEY (\`owner\`, \`taken\`)) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4",
        "define table of each kind": "CREATE TABLE IF NOT EXISTS \`sample\` (\`number\` BIGINT NOT NULL, \`big\` BIGINT, \`ratio\` DOUBLE, \`price\` DECIMAL(65,30), \`on\` TINYINT(1), \`born\` BIGINT, \`bytes\` LONGBLOB, PRIMARY KEY (\`number\`)) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4",
        "define unique group": "CREATE UNIQUE INDEX \`account$email$unique\` ON \`account\` (\`email\`)",
        "delete": "DELETE FROM \`photo\` WHERE \`owner\` = ? AND \`taken\` = ?",
        "delete by filter": "DELETE FROM \`photo\` WHERE (\`owner\` = ? OR \`stars\` = ?)",
        "filter comparisons": "SELECT \`owner\` FROM \`photo\` WHERE \`stars\` <> ? AND \`stars\` < ? AND \`stars\` <= ? AND \`stars\` NOT BETWEEN ? AND ? AND \`stars\` IS NOT NULL ORDER BY \`owner\`, \`taken\` LIMIT ?",
        "filter lists": "SELECT \`owner\` FROM \`photo\` WHERE \`stars\` IN (?, ?, ?) AND \`place\` NOT IN (?, ?) ORDER BY \`owner\`, \`taken\` LIMIT ?",
        "filter same": "SELECT \`owner\` FROM \`photo\` WHERE \`stars\` <=> ? AND \`meta\` <=> ? ORDER BY \`owner\`, \`taken\` LIMIT ?",
        "filter texts": "SELECT \`id\` FROM \`account\` WHERE \`name\` >= ? AND \`name\` < ? AND RIGHT(CAST(\`name\` AS BINARY), LENGTH(?)) = CAST(? AS BINARY) AND LOCATE(CAST(? AS BINARY), CAST(\`name\` AS BINARY)) > 0 ORDER BY \`id\` LIMIT ?",
        "filter texts, negated": "SELECT \`id\` FROM \`account\` WHERE (\`name\` < ? OR \`name\` >= ?) AND RIGHT(CAST(\`name\` AS BINARY), LENGTH(?)) <> CAST(? AS BINARY) AND LOCATE(CAST(? AS BINARY), CAST(\`name\` AS BINARY)) = 0 ORDER BY \`id\` LIMIT ?",
        "get": "SELECT \`id\`, \`email\`, \`name\`, \`logins\`, \`mtime\` FROM \`account\` WHERE \`id\` = ?",
        "get of each kind": "SELECT \`number\`, \`big\`, \`ratio\`, \`price\`, \`on\`, \`born\`, \`bytes\` FROM \`sample\` WHERE \`number\` = ?",
        "get, one column, key of two": "SELECT \`place\` FROM \`photo\` WHERE \`owner\` = ? AND \`taken\` = ?",
        "inspect": [
          "SELECT column_name, column_type, collation_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'photo' ORDER BY ordinal_position",
          "SELECT index_name, non_unique, column_name, sub_part, index_type FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = 'photo' ORDER BY index_name, seq_in_index",
        ],
        "put": [
          "UPDATE \`account\` SET \`email\` = ?, \`name\` = ?, \`logins\` = ?, \`mtime\` = ? WHERE \`id\` = ?",
          "INSERT INTO \`account\` (\`id\`, \`email\`, \`name\`, \`logins\`, \`mtime\`) VALUES (?, ?, ?, ?, ?)",
        ],
        "put of an open table": "INSERT INTO \`note\` (\`id\`, \`text\`, \`_rest\`) VALUES (?, ?, ?) ON DUPLICATE KEY UPDATE \`id\` = IF(\`id\` = VALUES(\`id\`), \`id\`, NULL), \`text\` = VALUES(\`text\`), \`_rest\` = VALUES(\`_rest\`)",
        "search": "SELECT \`id\`, \`title\`, \`body\` FROM \`post\` WHERE LOWER(CONCAT_WS(' ', CONVERT(\`title\` USING utf8mb4), CONVERT(\`body\` USING utf8mb4))) COLLATE utf8mb4_bin LIKE ? ORDER BY \`id\` LIMIT ?",
        "select all": "SELECT \`id\`, \`email\`, \`name\`, \`logins\`, \`mtime\` FROM \`account\` ORDER BY \`id\` LIMIT ?",
        "select and, or": "SELECT \`owner\` FROM \`photo\` WHERE \`owner\` = ? AND (\`place\` = ? OR \`stars\` > ?) ORDER BY \`taken\` LIMIT ?",
        "select by index, next page": "SELECT \`taken\` FROM \`photo\` WHERE \`place\` = ? AND \`stars\` >= ? AND (\`stars\` > ? OR (\`stars\` = ? AND (\`owner\` > ? OR (\`owner\` = ? AND \`taken\` > ?)))) ORDER BY \`stars\`, \`owner\`, \`taken\` LIMIT ?",
        "select by partition, newest first": "SELECT \`owner\`, \`taken\`, \`tags\`, \`meta\`, \`place\`, \`stars\`, \`expires\` FROM \`photo\` WHERE \`owner\` = ? ORDER BY \`taken\` DESC LIMIT ?",
        "select by partition, next page": "SELECT \`owner\`, \`taken\` FROM \`photo\` WHERE \`owner\` = ? AND \`taken\` < ? ORDER BY \`taken\` DESC LIMIT ?",
        "select nested": "SELECT \`owner\` FROM \`photo\` WHERE (\`owner\` = ? AND \`taken\` >= ? OR \`stars\` BETWEEN ? AND ? AND \`place\` IS NULL) ORDER BY \`owner\`, \`taken\` LIMIT ?",
        "select nothing": "SELECT \`owner\` FROM \`photo\` WHERE 1 = 0 ORDER BY \`owner\`, \`taken\` LIMIT ?",
        "select, next page, mixed directions": "SELECT \`c$0\` FROM (SELECT * FROM (SELECT \`stars\` AS \`c$0\`, \`stars\` AS \`o$0\`, \`owner\` AS \`o$1\`, \`taken\` AS \`o$2\` FROM \`photo\` WHERE \`stars\` = ? AND \`owner\` = ? AND \`taken\` > ? ORDER BY \`stars\`, \`owner\` DESC, \`taken\` LIMIT ?) AS \`r0\` UNION ALL SELECT * FROM (SELECT \`stars\` AS \`c$0\`, \`stars\` AS \`o$0\`, \`owner\` AS \`o$1\`, \`taken\` AS \`o$2\` FROM \`photo\` WHERE \`stars\` = ? AND \`owner\` < ? ORDER BY \`stars\`, \`owner\` DESC, \`taken\` LIMIT ?) AS \`r1\` UNION ALL SELECT * FROM (SELECT \`stars\` AS \`c$0\`, \`stars\` AS \`o$0\`, \`owner\` AS \`o$1\`, \`taken\` AS \`o$2\` FROM \`photo\` WHERE \`stars\` > ? ORDER BY \`stars\`, \`owner\` DESC, \`taken\` LIMIT ?) AS \`r2\`) AS \`page\` ORDER BY \`o$0\`, \`o$1\` DESC, \`o$2\` LIMIT ?",
        "select, next page, nullable column descending": "SELECT \`c$0\` FROM (SELECT * FROM (SELECT \`stars\` AS \`c$0\`, \`stars\` AS \`o$0\`, \`owner\` AS \`o$1\`, \`taken\` AS \`o$2\` FROM \`photo\` WHERE \`stars\` <= ? AND (\`stars\` < ? OR (\`stars\` = ? AND (\`owner\` < ? OR (\`owner\` = ? AND \`taken\` < ?)))) ORDER BY \`stars\` DESC, \`owner\` DESC, \`taken\` DESC LIMIT ?) AS \`r0\` UNION ALL SELECT * FROM (SELECT \`stars\` AS \`c$0\`, \`stars\` AS \`o$0\`, \`owner\` AS \`o$1\`, \`taken\` AS \`o$2\` FROM \`photo\` WHERE \`stars\` IS NULL ORDER BY \`stars\` DESC, \`owner\` DESC, \`taken\` DESC LIMIT ?) AS \`r1\`) AS \`page\` ORDER BY \`o$0\` DESC, \`o$1\` DESC, \`o$2\` DESC LIMIT ?",
        "update": "UPDATE \`photo\` SET \`stars\` = ?, \`place\` = NULL WHERE \`owner\` = ? AND \`taken\` = ?",
        "update by filter": "UPDATE \`photo\` SET \`stars\` = ? WHERE \`owner\` = ?",
        "update of nothing": "UPDATE \`note\` SET \`id\` = \`note\`.\`id\` WHERE \`id\` = ?",
        "update texts": "UPDATE \`account\` SET \`name\` = CONCAT(COALESCE(\`name\`, ''), ?), \`email\` = CONCAT(?, COALESCE(\`email\`, '')) WHERE \`id\` = ?",
      }
    `);
  });

  it("keeps text as bytes where no collation compares exactly", () => {
    expect(differences(mysqlBytesDialect, mysqlDialect)).toMatchInlineSnapshot(`
      {
        "define open table": "CREATE TABLE IF NOT EXISTS \`note\` (\`id\` VARBINARY(1020) NOT NULL, \`text\` LONGBLOB, \`_rest\` LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, PRIMARY KEY (\`id\`)) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4",
        "define searched table": "CREATE TABLE IF NOT EXISTS \`post\` (\`id\` VARBINARY(1020) NOT NULL, \`title\` LONGBLOB, \`body\` LONGBLOB, PRIMARY KEY (\`id\`)) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4",
        "define table": "CREATE TABLE IF NOT EXISTS \`photo\` (\`owner\` VARBINARY(1020) NOT NULL, \`taken\` BIGINT NOT NULL, \`tags\` LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, \`meta\` LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, \`place\` VARBINARY(2028), \`stars\` BIGINT, \`expires\` BIGINT, PRIMARY KEY (\`owner\`, \`taken\`)) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4",
      }
    `);
  });
});

describe("driver: mariadb", () => {
  it("compiles these commands in its own way", () => {
    expect(differences(mariadbDialect, mysqlDialect)).toMatchInlineSnapshot(`
      {
        "define open table": "CREATE TABLE IF NOT EXISTS \`note\` (\`id\` VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL, \`text\` LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin, \`_rest\` LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, PRIMARY KEY (\`id\`)) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4",
        "define searched table": "CREATE TABLE IF NOT EXISTS \`post\` (\`id\` VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL, \`title\` LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin, \`body\` LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin, PRIMARY KEY (\`id\`)) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4",
        "define table": "CREATE TABLE IF NOT EXISTS \`photo\` (\`owner\` VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL, \`taken\` BIGINT NOT NULL, \`tags\` LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, \`meta\` LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, \`place\` VARCHAR(507) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin, \`stars\` BIGINT, \`expires\` BIGINT, PRIMARY KEY (\`owner\`, \`taken\`)) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4",
        "delete guarded, old row": "DELETE FROM \`photo\` WHERE \`owner\` = ? AND \`taken\` = ? AND \`stars\` IS NULL RETURNING \`owner\`, \`taken\`, \`tags\`, \`meta\`, \`place\`, \`stars\`, \`expires\`",
      }
    `);
  });
});
