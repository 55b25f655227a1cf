import type { Document } from "mongodb";

import type { Reply, SelectShape, Values } from "../../driver.js";
import { anyValues, type Binder, binderOf, type MongoCommand } from "./command.js";
import { endCursor, type Engine, firstBatch, hasMore } from "./engine.js";
import { both, type Build, clausesOf, joined } from "./filter.js";
import type { Layout } from "./layout.js";
import { behind, besideRange, idRange, piecesOf, sortOf } from "./order.js";
import type { Condition } from "../../reference/condition.js";

/** Rows that are asked for at once where the caller names no number. */
const manyRows = 10_000;

export function compileSelect(shape: SelectShape, layout: Layout): MongoCommand {
  const { table, columns, order, after, limit, filter } = shape;
  const pieces = piecesOf(order, after, filter, layout);
  const sort = sortOf(pieces);
  const read = layout.readerOf(columns);
  // A reply that is cut short by its size tells where to go on.
  const ordered = order.map(({ column }) => column);
  const position = layout.readerOf(ordered);
  const projection = layout.projectionOf([...new Set([...columns, ...ordered])]);
  const condition = readFilter(filter, layout);
  const commandOf = (bind: Binder): Document => ({
    find: table.name,
    filter: after === undefined ? condition(bind) : both(condition(bind), behind(pieces, bind)),
    ...(pieces.length === 0 ? {} : { sort }),
    ...(projection === undefined ? {} : { projection }),
    ...(limit === undefined ? {} : { limit: bind.value(limit, Number) }),
  });

  return {
    table,
    describe: () => commandOf(anyValues),
    async run(engine: Engine, values: Values, signal): Promise<Reply> {
      const most = limit === undefined ? manyRows : Number(values[limit]);
      if (most === 0) return { rows: [], affected: 0 };
      const command = commandOf(binderOf(values));
      // One more than there can be, so that the server knows the cursor's end at once.
      const reply = await engine.send({ ...command, batchSize: limit === undefined ? most : most + 1 }, signal);
      const documents = firstBatch(reply);
      const rows = documents.map(read);
      if (!hasMore(reply)) return { rows, affected: 0 };
      await endCursor(engine, table.name, reply);
      return { rows, affected: 0, next: position(documents.at(-1)!) };
    },
  };
}

/** The filter of a read, with the range of `_id` in which its rows lie. */
export function readFilter(filter: Condition, layout: Layout): Build {
  const range = idRange(filter, layout);
  if (range === undefined) return joined(clausesOf(filter, layout));
  return joined([range, ...besideRange(filter, layout).flatMap((part) => clausesOf(part, layout))]);
}
