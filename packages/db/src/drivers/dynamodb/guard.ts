// A condition of a write, ready for requests.

import { type Condition, isAlways, type Slot } from "../../reference/condition.js";
import type { Values } from "../../driver.js";
import type { Column } from "../../schema/table.js";
import {
  type ConditionInput,
  conditionPieces,
  costOf,
  expressionInput,
  joinPieces,
  mergeInputs,
  mostOfExpression,
  Placeholders,
  renderPieces,
} from "./expressions.js";
import type { Item } from "./attributes.js";
import { isVersion, versionAttribute } from "./versions.js";

export interface Guard {
  /** The service does not take so long a condition: the row must be read and tested here. */
  readonly isTooLong: boolean;
  /** The condition's part of a request. */
  input(values: Values): ConditionInput;
  describe(): Record<string, unknown>;
}

/**
 * @param hash  a column that every row has
 * @param ifVersion  the slot of the version that the row must have beside; null in it: that there is no row
 */
export function guardOf(condition: Condition, hash: Column, ifVersion?: Slot): Guard {
  const isTooLong = !mostOfExpression.fits(costOf(condition, hash));
  const own = new Placeholders();
  const pieces = isTooLong ? [] : joinPieces(conditionPieces(condition, own, hash));
  const names = own.names();
  return {
    isTooLong,
    input(values) {
      const input = { ConditionExpression: renderPieces(pieces, values), ...expressionInput(names, own.values(values)) };
      if (ifVersion === undefined) return input;
      const version = isVersion(values[ifVersion] ?? null, hash.name);
      // As an expression, the condition that always holds says that there is a row.
      return isAlways(condition) ? version : bothOf(input, version);
    },
    describe: () =>
      isTooLong
        ? { testedHere: "the condition is longer than the service takes" }
        : {
            ConditionExpression: renderPieces(pieces, undefined),
            ExpressionAttributeNames: names,
            ExpressionAttributeValues: own.describe(),
            ...(ifVersion === undefined ? {} : { [versionAttribute]: { slot: ifVersion } }),
          },
  };
}

/** Both conditions; their placeholders differ. */
export function bothOf(a: ConditionInput, b: ConditionInput): ConditionInput {
  return { ...mergeInputs(a, b), ConditionExpression: `(${a.ConditionExpression}) AND (${b.ConditionExpression})` };
}

/** Whether a write was not made because its condition did not hold. */
export function isConditionFailure(error: unknown): error is Error & { readonly Item?: Item } {
  return error instanceof Error && error.name === "ConditionalCheckFailedException";
}
