import type { Document } from "mongodb";

import type { MemberReply, PutShape, Reply, Values } from "../../driver.js";
import { isAlways, isNever } from "../../reference/condition.js";
import { anyValues, type Binder, binderOf, type MongoCommand, noRows, oneDone, replyWith } from "./command.js";
import type { Engine } from "./engine.js";
import { isKeyTaken } from "./errors.js";
import { upsertFilterOf } from "./filter.js";
import { writeError } from "./indexes.js";
import { idField, type Layout } from "./layout.js";
import { rowBuilder } from "./row.js";
import { sendWrite, writeErrorsOf } from "./write.js";

export function compilePut(shape: PutShape, layout: Layout): MongoCommand {
  const { table, key, over, returning } = shape;
  const documentOf = rowBuilder(shape.row, key, layout);
  const isAdd = isNever(over);
  const isPut = isAlways(over);
  const condition = isPut ? undefined : upsertFilterOf(over, layout);
  const read = layout.readerOf(table.columns);
  const replaceable = (bind: Binder): Document => {
    const byId = { [idField]: layout.idOf(key, bind) };
    return condition === undefined ? byId : { $and: [byId, condition(bind)] };
  };
  const replace = (bind: Binder): Document => ({ q: replaceable(bind), u: documentOf(bind), upsert: true });
  const isReturning = returning === "old" && !isAdd;

  const commandOf = (bind: Binder): Document => {
    if (isAdd) return { insert: table.name, documents: [documentOf(bind)] };
    if (isReturning) return { findAndModify: table.name, query: replaceable(bind), update: documentOf(bind), upsert: true, new: false };
    return { update: table.name, updates: [replace(bind)] };
  };

  /** What is refused for a row of the same key: there is one over which this may not be written, or it came just now. */
  async function run(engine: Engine, values: Values, signal?: AbortSignal): Promise<Reply> {
    const bind = binderOf(values);
    if (engine.isTransaction && !isPut && (await isKept(engine, bind, signal))) return noRows;
    for (;;) {
      try {
        const reply = await sendWrite(engine, commandOf(bind), signal);
        if (!isReturning) return oneDone;
        const before = reply["value"] as Document | null | undefined;
        return replyWith(before === null || before === undefined ? undefined : read(before));
      } catch (error) {
        if (!isKeyTaken(error) || engine.isTransaction) throw writeError(error, layout);
        if (isAdd) return noRows;
        if (!isPut && !(await isThere(engine, table.name, replaceable(bind), signal))) return noRows;
      }
    }
  }

  /** Whether there is a row that may not be replaced. A command that the server refuses would end the transaction. */
  async function isKept(engine: Engine, bind: Binder, signal: AbortSignal | undefined): Promise<boolean> {
    const byId = { [idField]: layout.idOf(key, bind) };
    return (await isThere(engine, table.name, byId, signal)) && (isAdd || !(await isThere(engine, table.name, replaceable(bind), signal)));
  }

  return {
    table,
    describe: () => commandOf(anyValues),
    run,
    async runGroup(engine, group, signal): Promise<readonly MemberReply[]> {
      if (isReturning) return Promise.all(group.map((values) => run(engine, values, signal)));
      const binders = group.map(binderOf);
      const command = isAdd
        ? { insert: table.name, documents: binders.map(documentOf), ordered: false }
        : { update: table.name, updates: binders.map(replace), ordered: false };
      const refused = writeErrorsOf(await engine.send(command, signal), layout.bson);
      return Promise.all(
        group.map(async (values, i): Promise<MemberReply> => {
          const error = refused.get(i);
          if (error === undefined) return oneDone;
          if (!isKeyTaken(error)) return { error: writeError(error, layout) };
          return isAdd ? noRows : run(engine, values, signal);
        }),
      );
    },
  };
}

/** Whether there is a document for which a filter holds. */
export async function isThere(engine: Engine, collection: string, filter: Document, signal: AbortSignal | undefined): Promise<boolean> {
  const reply = await engine.send({ find: collection, filter, projection: { [idField]: 1 }, limit: 1, singleBatch: true }, signal);
  return ((reply["cursor"] as Document)["firstBatch"] as readonly Document[]).length > 0;
}
