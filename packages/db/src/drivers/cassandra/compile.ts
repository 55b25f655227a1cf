import type { Shape } from "../../driver.js";
import { DbError } from "../../errors.js";
import { compileDelete, compileUpdate } from "./change.js";
import type { CassandraCommand } from "./command.js";
import { compileDefine } from "./define.js";
import { compileGet } from "./get.js";
import { compileInspect } from "./inspect.js";
import { compilePut } from "./put.js";
import { compileSelect } from "./select.js";

export function compileCassandra(shape: Shape, keyspace: string): CassandraCommand {
  switch (shape.verb) {
    case "get":
      return compileGet(shape, keyspace);
    case "select":
      return compileSelect(shape, keyspace);
    case "aggregate":
      throw new DbError("internal", "an aggregate, which the driver does not claim");
    case "put":
      return compilePut(shape, keyspace);
    case "update":
      return compileUpdate(shape, keyspace);
    case "delete":
      return compileDelete(shape, keyspace);
    case "define":
      return compileDefine(shape, keyspace);
    case "inspect":
      return compileInspect(shape, keyspace);
  }
}
