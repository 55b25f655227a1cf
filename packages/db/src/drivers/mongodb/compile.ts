import type { Shape } from "../../driver.js";
import { compileAggregate } from "./aggregate.js";
import type { MongoCommand } from "./command.js";
import { compileDefine } from "./define.js";
import { compileDelete } from "./delete.js";
import { compileGet } from "./get.js";
import { compileInspect } from "./inspect.js";
import type { Layout } from "./layout.js";
import { compilePut } from "./put.js";
import { compileSelect } from "./select.js";
import { compileUpdate } from "./update.js";

export function compileMongo(shape: Shape, layout: Layout): MongoCommand {
  switch (shape.verb) {
    case "get":
      return compileGet(shape, layout);
    case "select":
      return compileSelect(shape, layout);
    case "aggregate":
      return compileAggregate(shape, layout);
    case "put":
      return compilePut(shape, layout);
    case "update":
      return compileUpdate(shape, layout);
    case "delete":
      return compileDelete(shape, layout);
    case "define":
      return compileDefine(shape, layout);
    case "inspect":
      return compileInspect(shape, layout);
  }
}
