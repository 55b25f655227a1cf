// The compile stage of all SQL drivers: a shape becomes text and an order of values. Every name is quoted, every value bound.

import type { Shape } from "../../driver.js";
import { DbError } from "../../errors.js";
import { compileAggregate } from "./aggregate.js";
import type { SqlCommand } from "./command.js";
import { compileDefine, compileInspect } from "./define.js";
import type { SqlDialect } from "./dialect.js";
import { compileGet, compileSelect } from "./select.js";
import { compileDelete, compilePut, compileUpdate } from "./write.js";

/**
 * Translates a shape to SQL. Pure: equal shapes give equal texts, and no value is part of a text.
 *
 * @throws DbError `internal` for an operator or change that the driver's capabilities claim and its dialect does not write
 */
export function compileSql(shape: Shape, dialect: SqlDialect): SqlCommand {
  switch (shape.verb) {
    case "get":
      return compileGet(shape, dialect);
    case "select":
      return compileSelect(shape, dialect);
    case "aggregate":
      return compileAggregate(shape, dialect);
    case "put":
      return compilePut(shape, dialect);
    case "update":
      return compileUpdate(shape, dialect);
    case "delete":
      return compileDelete(shape, dialect);
    case "define":
      return compileDefine(shape, dialect);
    case "inspect":
      return compileInspect(shape, dialect);
    default: {
      const unknown: never = shape;
      throw new DbError("internal", `unknown verb ${(unknown as Shape).verb}`);
    }
  }
}
