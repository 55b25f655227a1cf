// Updates that one UpdateItem says wholly.

import type { UpdateItemCommandInput } from "@aws-sdk/client-dynamodb";

import type { Change, Reply, UpdateShape, Values } from "../../driver.js";
import { DbError } from "../../errors.js";
import { type Item, toAttribute } from "./attributes.js";
import type { Engine } from "./engine.js";
import { expressionInput, mergeInputs, Placeholders } from "./expressions.js";
import { type Guard, isConditionFailure } from "./guard.js";
import { type Derived, type Layout, rowOf, type ValueOf } from "./layout.js";
import { updateText } from "./transact.js";
import { newVersion, versionAttribute } from "./versions.js";

/** What one attempt came to. */
export type Attempt = Reply | "missing" | "guard" | "changed";

export interface DirectUpdate {
  run(engine: Engine, key: Item, values: Values, signal: AbortSignal | undefined): Promise<Attempt>;
  describe(): unknown;
}

interface Assignment {
  readonly name: string;
  /** What the attribute becomes; undefined: it goes. */
  readonly text: string | undefined;
  /** It goes when the value in this slot is null. */
  readonly slot: number | undefined;
}

/** @param touched  attributes derived from the changed columns, all of which the call gives */
export function directUpdate(shape: UpdateShape, layout: Layout, guard: Guard, touched: readonly Derived[]): DirectUpdate {
  const { table, changes, returning, insert } = shape;
  const own = new Placeholders("u");
  const assigned = changes.map((change) => assignment(change, own));
  const derivedNames = touched.map(({ name }) => own.name(name));
  const versionName = own.name(versionAttribute);
  const names = own.names();
  const fixed: Partial<UpdateItemCommandInput> = {
    ...(returning === "none" ? {} : { ReturnValues: returning === "old" ? "ALL_OLD" : "ALL_NEW" }),
    ...(insert === undefined ? {} : { ReturnValuesOnConditionCheckFailure: "ALL_OLD" }),
  };

  const inputFor = (key: Item, values: Values): UpdateItemCommandInput => {
    const item = own.values(values);
    const isGone = ({ text, slot }: Assignment): boolean => text === undefined || (slot !== undefined && (values[slot] ?? null) === null);
    const sets = assigned.filter((one) => !isGone(one)).map(({ name, text }) => `${name} = ${text}`);
    const removes = assigned.filter(isGone).map(({ name }) => name);
    item[":version"] = { S: newVersion() };
    sets.push(`${versionName} = :version`);
    const valueOf = givenValues(shape, values);
    touched.forEach((derived, i) => {
      const attribute = derived.compute(valueOf);
      if (attribute === undefined) return removes.push(derivedNames[i]!);
      item[`:d${i}`] = attribute;
      return sets.push(`${derivedNames[i]!} = :d${i}`);
    });
    return {
      TableName: layout.tableName,
      Key: key,
      UpdateExpression: updateText(sets, removes),
      ...mergeInputs(expressionInput(names, item), guard.input(values)),
      ...fixed,
    };
  };

  return {
    async run(engine, key, values, signal) {
      try {
        const input = inputFor(key, values);
        const { Attributes } = await engine.request((client, options) => client.updateItem(input, options), signal);
        return { rows: returning === "none" || Attributes === undefined ? [] : [rowOf(table.columns, Attributes)], affected: 1 };
      } catch (error) {
        if (!isConditionFailure(error)) throw error;
        return insert !== undefined && error.Item === undefined ? "missing" : "guard";
      }
    },
    describe: () => ({
      request: "UpdateItem",
      TableName: layout.tableName,
      Key: shape.key.map((slot) => ({ slot })),
      UpdateExpression: updateText(
        [
          ...assigned.filter(({ text }) => text !== undefined).map(({ name, text }) => `${name} = ${text}`),
          `${versionName} = :version`,
          ...derivedNames.map((name, i) => `${name} = :d${i}`),
        ],
        assigned.filter(({ text }) => text === undefined).map(({ name }) => name),
      ),
      ...described(guard.describe(), names ?? {}, {
        ...own.describe(),
        ":version": { new: "version" },
        ...Object.fromEntries(touched.map(({ name }, i) => [`:d${i}`, { derived: name }])),
      }),
      ...fixed,
    }),
  };
}

function described(guard: Record<string, unknown>, names: object, values: object): Record<string, unknown> {
  return {
    ...guard,
    ExpressionAttributeNames: { ...(guard["ExpressionAttributeNames"] as object | undefined), ...names },
    ExpressionAttributeValues: { ...(guard["ExpressionAttributeValues"] as object | undefined), ...values },
  };
}

function assignment({ column, op, slot }: Change, own: Placeholders): Assignment {
  const name = own.name(column.name);
  if (op === "unset" || slot === undefined) return { name, text: undefined, slot: undefined };
  const value = own.value(slot, (given) => toAttribute(column, given));
  switch (op) {
    case "set":
      return { name, text: value, slot };
    case "incr":
      return { name, text: `if_not_exists(${name}, ${own.constant({ N: "0" })}) + ${value}`, slot: undefined };
    case "append":
      return { name, text: `list_append(if_not_exists(${name}, ${own.constant({ L: [] })}), ${value})`, slot: undefined };
    case "prepend":
      return { name, text: `list_append(${value}, if_not_exists(${name}, ${own.constant({ L: [] })}))`, slot: undefined };
    case "add":
    case "del":
      throw new DbError("internal", `the change ${op} is not claimed`, { column: column.name });
  }
}

function givenValues({ table, key, changes }: UpdateShape, values: Values): ValueOf {
  const slots = new Map(changes.map(({ column, slot }) => [column, slot]));
  table.key.forEach((column, i) => slots.set(column, key[i]));
  return (column) => {
    const slot = slots.get(column);
    return slot === undefined ? null : (values[slot] ?? null);
  };
}
