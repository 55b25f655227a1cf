import type { Shape } from "../../driver.js";
import type { ElasticCommand } from "./command.js";
import { compileCount } from "./count.js";
import { compileDefine } from "./define.js";
import { compileGet } from "./get.js";
import { compileInspect } from "./inspect.js";
import { compileSelect } from "./select.js";
import { compileDelete, compilePut, compileUpdate } from "./write.js";

export function compileElastic(shape: Shape): ElasticCommand {
  switch (shape.verb) {
    case "get":
      return compileGet(shape);
    case "select":
      return compileSelect(shape);
    case "aggregate":
      return compileCount(shape);
    case "put":
      return compilePut(shape);
    case "update":
      return compileUpdate(shape);
    case "delete":
      return compileDelete(shape);
    case "define":
      return compileDefine(shape);
    case "inspect":
      return compileInspect(shape);
  }
}
