import type { Document } from "mongodb";

import type { Change, Reply, UpdateShape, Value, Values } from "../../driver.js";
import { DbError } from "../../errors.js";
import { isAlways } from "../../reference/condition.js";
import { deepEqual } from "../../schema/deep-equal.js";
import { anyValues, type Binder, binderOf, type MongoCommand, noRows, oneDone, replyWith } from "./command.js";
import { targetFilter } from "./delete.js";
import type { Engine } from "./engine.js";
import { isKeyTaken } from "./errors.js";
import { writeError } from "./indexes.js";
import { idField, type Layout } from "./layout.js";
import { isThere } from "./put.js";
import { rowBuilder } from "./row.js";
import { sendWrite } from "./write.js";

export function compileUpdate(shape: UpdateShape, layout: Layout): MongoCommand {
  const { table, changes, insert, returning, target, key } = shape;
  const filter = targetFilter(shape, layout);
  const read = layout.readerOf(table.columns);
  const documentOf = insert === undefined ? undefined : rowBuilder(insert, key, layout);
  const isUnguarded = isAlways(shape.guard);

  const commandFor = (query: Document, update: Document, upsert: boolean): Document => {
    const more = upsert ? { upsert: true } : {};
    if (returning !== "none") return { findAndModify: table.name, query, update, new: returning === "new", ...more };
    return { update: table.name, updates: [{ q: query, u: update, ...(target === "filter" ? { multi: true } : {}), ...more }] };
  };

  function replyOf(reply: Document): Reply {
    if (returning === "none") {
      const affected = Number(reply["n"]);
      return affected === 0 ? noRows : affected === 1 ? oneDone : { rows: [], affected };
    }
    const row = reply["value"] as Document | null | undefined;
    return row === null || row === undefined ? noRows : replyWith(read(row));
  }

  async function changeRows(engine: Engine, bind: Binder, update: Document, signal: AbortSignal | undefined): Promise<Reply> {
    if (Object.keys(update).length > 0) return replyOf(await sendWrite(engine, commandFor(filter(bind), update, false), signal));
    return (await isThere(engine, table.name, filter(bind), signal)) ? oneDone : noRows;
  }

  /**
   * Changes the row or makes it. Where the row that is made is what the changes make of nothing, one command does it; else the row is made when
   * there was none to change. Whichever takes effect saw the row as it was then.
   */
  async function changeOrInsert(engine: Engine, values: Values, signal: AbortSignal | undefined): Promise<Reply> {
    const bind = binderOf(values);
    const update = updateOf(changes, values, bind, layout);
    const made = documentOf!(bind);
    const once = isUnguarded && returning === "none" ? insertingUpdate(update, made, changes, insert!, values, layout) : undefined;
    for (;;) {
      try {
        if (once !== undefined) return replyOf(await sendWrite(engine, commandFor(filter(bind), once, true), signal));
        const reply = await changeRows(engine, bind, update, signal);
        if (reply.affected > 0) return reply;
        if (engine.isTransaction && (await isThere(engine, table.name, { [idField]: made[idField] }, signal))) return noRows;
        await sendWrite(engine, { insert: table.name, documents: [made] }, signal);
        return returning === "new" ? replyWith(insert!.map((slot) => values[slot] ?? null)) : oneDone;
      } catch (error) {
        if (!isKeyTaken(error) || engine.isTransaction) throw writeError(error, layout);
        // Somebody made the row just now, or it is there and the guard does not hold for it.
        if (!isUnguarded && (await isThere(engine, table.name, { $and: [{ [idField]: made[idField] }, { $nor: [filter(bind)] }] }, signal)))
          return noRows;
      }
    }
  }

  return {
    table,
    describe() {
      const update = updateOf(changes, undefined, anyValues, layout);
      const command = commandFor(filter(anyValues), update, false);
      return documentOf === undefined ? command : [command, { insert: table.name, documents: [documentOf(anyValues)] }];
    },
    async run(engine, values, signal) {
      try {
        if (insert !== undefined) return await changeOrInsert(engine, values, signal);
        const bind = binderOf(values);
        return await changeRows(engine, bind, updateOf(changes, values, bind, layout), signal);
      } catch (error) {
        const known = writeError(error, layout);
        // Rows before the one that was refused are changed.
        if (target === "filter" && known instanceof DbError && known.code === "already-exists" && !engine.isTransaction)
          throw new DbError("already-exists", known.message, { outcome: "unknown", cause: known.cause, detail: known.detail });
        throw known;
      }
    },
  };
}

/** The changes as operators of an update. Setting null, which is absence, takes the field away. */
function updateOf(changes: readonly Change[], values: Values | undefined, bind: Binder, layout: Layout): Document {
  const update: Record<string, Document> = {};
  const put = (operator: string, path: string, value: unknown): void => void ((update[operator] ??= {})[path] = value);
  for (const { column, op, slot } of changes) {
    const { path, toBson } = layout.fieldOf(column);
    const isAbsent = slot === undefined || bind.isNull(slot);
    switch (op) {
      case "set":
        if (isAbsent) put("$unset", path, true);
        else put("$set", path, bind.value(slot, toBson));
        break;
      case "unset":
        put("$unset", path, true);
        break;
      case "incr":
        if (!isAbsent) put("$inc", path, bind.value(slot, toBson));
        break;
      case "append":
        if (!isAbsent) put("$push", path, { $each: bind.value(slot, toBson) });
        break;
      case "prepend":
        if (!isAbsent) put("$push", path, { $each: bind.value(slot, toBson), $position: 0 });
        break;
      default:
        throw new DbError("internal", `MongoDB does not carry out ${op} of a ${column.kind}`, { column: column.name });
    }
  }
  return update;
}

/**
 * The update that makes the row too, if there is none. Undefined where what the changes make of nothing is not what the row is to have in their
 * columns.
 */
function insertingUpdate(
  update: Document,
  made: Document,
  changes: readonly Change[],
  insert: readonly number[],
  values: Values,
  layout: Layout,
): Document | undefined {
  const changed = new Set<string>([idField]);
  for (const { column, op, slot } of changes) {
    const wanted: Value = values[insert[column.index]!] ?? null;
    const given: Value = slot === undefined ? null : (values[slot] ?? null);
    if ((op !== "set" && op !== "incr") || !deepEqual(wanted, given)) return undefined;
    changed.add(layout.fieldOf(column).path);
  }
  const rest = Object.fromEntries(Object.entries(made).filter(([path]) => !changed.has(path)));
  return Object.keys(rest).length === 0 ? update : { ...update, $setOnInsert: rest };
}
