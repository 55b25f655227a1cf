// A condition of a write, ready for requests.

import type { Condition } from "../../reference/condition.js";
import type { Values } from "../../driver.js";
import type { Column } from "../../schema/table.js";
import { conditionPieces, expressionInput, isAlways, joinPieces, Placeholders, renderPieces } from "./expressions.js";
import type { Item } from "./attributes.js";

export interface ConditionInput {
  ConditionExpression: string;
  ExpressionAttributeNames?: Record<string, string>;
  ExpressionAttributeValues?: Item;
}

export interface Guard {
  /** The condition's part of a request. */
  input(values: Values): ConditionInput;
  describe(): Record<string, unknown>;
}

/** @param hash  a column that every row has */
export function guardOf(condition: Condition, hash: Column): Guard | undefined {
  if (isAlways(condition)) return undefined;
  const own = new Placeholders();
  const pieces = joinPieces(conditionPieces(condition, own, hash));
  const names = own.names();
  return {
    input: (values) => ({ ConditionExpression: renderPieces(pieces, values), ...expressionInput(names, own.values(values)) }),
    describe: () => ({
      ConditionExpression: renderPieces(pieces, undefined),
      ExpressionAttributeNames: names,
      ExpressionAttributeValues: own.describe(),
    }),
  };
}

/** Whether a write was not made because its condition did not hold. */
export function isConditionFailure(error: unknown): error is Error & { readonly Item?: Item } {
  return error instanceof Error && error.name === "ConditionalCheckFailedException";
}
