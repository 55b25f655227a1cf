import type { AggregateShape, Reply, Values } from "../../driver.js";
import { DbError } from "../../errors.js";
import { isNever } from "../../reference/condition.js";
import type { ElasticCommand } from "./command.js";
import type { Engine } from "./engine.js";
import { bind, describing, queryOf } from "./query.js";

interface Counted {
  readonly count: number;
  readonly _shards: { readonly failed: number };
}

/** Counts of rows; the core folds whatever else is computed. */
export function compileCount({ table, filter, consistent }: AggregateShape): ElasticCommand {
  return {
    table: table.name,
    describe: (engine) => ({ POST: `/${engine.nameOf(table)}/_count`, body: { query: queryOf(filter, describing) } }),
    async run(engine: Engine, values: Values, signal?: AbortSignal): Promise<Reply> {
      if (isNever(filter)) return { rows: [[0]], affected: 0 };
      const index = engine.nameOf(table);
      await engine.fresh.before(index, consistent);
      const body = JSON.stringify({ query: queryOf(filter, bind(values)) });
      const { count, _shards } = await engine.send<Counted>({ method: "POST", path: `/${index}/_count`, body }, signal);
      if (_shards.failed > 0) throw new DbError("unavailable", "a part of the index could not be counted", { outcome: "none" });
      return { rows: [[count]], affected: 0 };
    },
  };
}
