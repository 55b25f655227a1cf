import type { Document } from "mongodb";

import type { GetShape, MemberReply, Reply, Values } from "../../driver.js";
import { testsOf } from "../../reference/condition.js";
import { anyValues, type Binder, binderOf, type MongoCommand, noRows } from "./command.js";
import { type Engine, firstBatch, wholeCursor } from "./engine.js";
import { filterOf } from "./filter.js";
import { idField, keyText, type Layout } from "./layout.js";
import { lockField } from "./session.js";

export function compileGet(shape: GetShape, layout: Layout): MongoCommand {
  const { table, columns, key, guard } = shape;
  const read = layout.readerOf(columns);
  const keyIn = layout.readerOf(table.key);
  const projection = layout.projectionOf(columns);
  const condition = guard === undefined ? undefined : filterOf(guard, layout);
  const guardSlots = guard === undefined ? [] : [...testsOf(guard)].flatMap(({ slots }) => slots);
  const filterFor = (bind: Binder, ids: unknown): Document => {
    const byId = { [idField]: ids };
    return condition === undefined ? byId : { $and: [byId, condition(bind)] };
  };
  const commandOf = (bind: Binder): Document => ({
    find: table.name,
    filter: filterFor(bind, layout.idOf(key, bind)),
    ...(projection === undefined ? {} : { projection }),
    limit: 1,
    singleBatch: true,
  });

  /** Writes a field of its own into the row, by which the transaction holds it: reads hold nothing. */
  async function lock(engine: Engine, values: Values, signal: AbortSignal | undefined): Promise<Reply> {
    const bind = binderOf(values);
    const command = {
      findAndModify: table.name,
      query: filterFor(bind, layout.idOf(key, bind)),
      update: { $set: { [lockField]: new layout.bson.ObjectId() } },
      new: true,
      ...(projection === undefined ? {} : { fields: projection }),
    };
    const { value } = await engine.send(command, signal);
    return value === null || value === undefined ? noRows : { rows: [read(value as Document)], affected: 0 };
  }

  /** The rows of members whose guard has the same values. */
  async function readTogether(engine: Engine, members: readonly Values[], signal: AbortSignal | undefined): Promise<Map<string, Document>> {
    const ids = members.map((values) => layout.idOf(key, binderOf(values)));
    const command = {
      find: table.name,
      filter: filterFor(binderOf(members[0]!), { $in: ids }),
      ...(projection === undefined ? {} : { projection }),
      batchSize: ids.length + 1,
    };
    const documents = await wholeCursor(engine, table.name, await engine.send(command, signal), signal);
    return new Map(documents.map((document) => [keyText(keyIn(document)), document]));
  }

  return {
    table,
    describe: () => commandOf(anyValues),
    async run(engine, values, signal): Promise<Reply> {
      if (shape.lock === true && engine.isTransaction) return lock(engine, values, signal);
      const [document] = firstBatch(await engine.send(commandOf(binderOf(values)), signal));
      return document === undefined ? noRows : { rows: [read(document)], affected: 0 };
    },
    async runGroup(engine, group, signal): Promise<readonly MemberReply[]> {
      const rowsOf = new Map<Values, Map<string, Document>>();
      for (const members of partsOf(group, guardSlots)) {
        const rows = await readTogether(engine, members, signal);
        for (const values of members) rowsOf.set(values, rows);
      }
      return group.map((values) => {
        const document = rowsOf.get(values)!.get(keyText(key.map((slot) => values[slot]!)));
        return document === undefined ? noRows : { rows: [read(document)], affected: 0 };
      });
    },
  };
}

/** The members by the values of what they have in common. */
function partsOf(group: readonly Values[], slots: readonly number[]): (readonly Values[])[] {
  if (slots.length === 0) return [group];
  const parts = new Map<string, Values[]>();
  for (const values of group) {
    const key = slots.map((slot) => `${typeof values[slot]}${String(values[slot])}`).join("\0");
    const part = parts.get(key);
    if (part === undefined) parts.set(key, [values]);
    else part.push(values);
  }
  return [...parts.values()];
}
