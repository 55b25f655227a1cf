// Gets of rows by key: one by its path, several by `_mget`. Both see every acknowledged write.

import type { GetShape, Reply, Values } from "../../driver.js";
import { always, isAlways, testsOf } from "../../reference/condition.js";
import { compileRowTest } from "../../engines/stored-rows.js";
import { codec } from "./capabilities.js";
import { type ElasticCommand, noRows, pick } from "./command.js";
import { idOf, rowOf, type Source, valueOf } from "./document.js";
import type { Engine } from "./engine.js";
import { sourceQuery } from "./source-filter.js";
import { HttpError, httpError, noSuchDocument } from "./transport.js";

interface Found {
  readonly found?: boolean;
  readonly _source?: Source;
  readonly _seq_no?: number;
  readonly _primary_term?: number;
  readonly error?: unknown;
}

/** Of the 4,096 bytes of `http.max_initial_line_length`, the rest left to what stands around a path. */
const longestPath = 3500;

function noDocument(error: unknown): Found {
  if (error instanceof HttpError && error.type === noSuchDocument) return {};
  throw error;
}

export function compileGet(shape: GetShape): ElasticCommand {
  const { table, columns, key, guard = always, version } = shape;
  const read = [...new Set([...columns, ...[...testsOf(guard)].map((test) => test.column)])];
  const holds = isAlways(guard) ? undefined : compileRowTest<Source>(guard, { codec, read: (source, column) => valueOf(column, source) });
  const query = sourceQuery(table, read);

  const replyOf = ({ found, _source, _seq_no, _primary_term, error }: Found, values: Values): Reply => {
    if (error !== undefined) throw httpError(404, { error });
    if (found !== true || _source === undefined || holds?.(values)(_source) === false) return noRows;
    const rows = [rowOf(columns, _source)];
    return version ? { rows, affected: 0, versions: [`${_primary_term}:${_seq_no}`] } : { rows, affected: 0 };
  };
  const ask = async (engine: Engine, group: readonly Values[], signal?: AbortSignal): Promise<Reply[]> => {
    const ids = group.map((values) => idOf(pick(key, values)));
    const path = `/${engine.nameOf(table)}/_mget`;
    const { docs } = await engine.send<{ docs: Found[] }>({ method: "POST", path, query, body: JSON.stringify({ ids }) }, signal);
    return docs.map((doc, i) => replyOf(doc, group[i]!));
  };
  return {
    table: table.name,
    describe: (engine) => ({
      GET: `/${engine.nameOf(table)}/_doc/…${query === undefined ? "" : `?${query}`}`,
      id: { key: key.map((slot) => ({ slot })) },
    }),
    async run(engine, values, signal) {
      const id = idOf(pick(key, values));
      const path = `/${engine.nameOf(table)}/_doc/${encodeURIComponent(id)}`;
      // A path that ends in dots alone, or in nothing, would be another, and the server bounds the length of the line.
      if (/^\.{0,2}$/.test(id) || path.length + (query?.length ?? 0) > longestPath) return (await ask(engine, [values], signal))[0]!;
      const found = await engine.send<Found>({ method: "GET", path, query }, signal).catch(noDocument);
      return replyOf(found, values);
    },
    runGroup: ask,
  };
}
