import type { Document } from "mongodb";

import type { DeleteShape } from "../../driver.js";
import { isAlways } from "../../reference/condition.js";
import { anyValues, type Binder, binderOf, type MongoCommand, noRows, replyWith } from "./command.js";
import { filterOf } from "./filter.js";
import { idField, type Layout } from "./layout.js";
import { readFilter } from "./select.js";
import { sendWrite } from "./write.js";

export function compileDelete(shape: DeleteShape, layout: Layout): MongoCommand {
  const { table, returning, target } = shape;
  const filter = targetFilter(shape, layout);
  const read = layout.readerOf(table.columns);
  const commandOf = (bind: Binder): Document =>
    returning === "old"
      ? { findAndModify: table.name, query: filter(bind), remove: true }
      : { delete: table.name, deletes: [{ q: filter(bind), limit: target === "key" ? 1 : 0 }] };
  return {
    table,
    describe: () => commandOf(anyValues),
    async run(engine, values, signal) {
      const reply = await sendWrite(engine, commandOf(binderOf(values)), signal);
      if (returning !== "old") return { rows: [], affected: Number(reply["n"]) };
      const before = reply["value"] as Document | null | undefined;
      return before === null || before === undefined ? noRows : replyWith(read(before));
    },
  };
}

/** The filter of a write: one key with its guard, or all rows for which the guard holds. */
export function targetFilter(
  { target, key, guard }: Pick<DeleteShape, "target" | "key" | "guard">,
  layout: Layout,
): (bind: Binder) => Document {
  if (target === "filter") return readFilter(guard, layout);
  const holds = isAlways(guard) ? undefined : filterOf(guard, layout);
  return (bind) => {
    const byId = { [idField]: layout.idOf(key, bind) };
    return holds === undefined ? byId : { $and: [byId, holds(bind)] };
  };
}
