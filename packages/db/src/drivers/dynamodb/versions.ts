// The version of a row: a random text in an attribute of its own, another one with every write. A row is still as it was
// read while it has the same version, however many columns it has.

import { nodeModule } from "@bk/core";

import type { Value } from "../../driver.js";
import type { Item } from "./attributes.js";
import type { ConditionInput } from "./expressions.js";

export const versionAttribute = "_version";

/** The version of a row that another program has written without one. */
const unversioned = "";

export function newVersion(): string {
  return nodeModule("node:crypto").randomBytes(12).toString("base64url");
}

export function versionOf(item: Item): string {
  return item[versionAttribute]?.S ?? unversioned;
}

/** The item with a version of its own. */
export function versioned(item: Item): Item {
  return { ...item, [versionAttribute]: { S: newVersion() } };
}

/** That the row of a hash column has a version; null: that there is no row. */
export function isVersion(version: Value, hash: string): ConditionInput {
  if (version === null) return { ConditionExpression: "attribute_not_exists(#vh)", ExpressionAttributeNames: { "#vh": hash } };
  const names = { "#v": versionAttribute };
  if (version === unversioned)
    return {
      ConditionExpression: "attribute_exists(#vh) AND attribute_not_exists(#v)",
      ExpressionAttributeNames: { ...names, "#vh": hash },
    };
  return {
    ConditionExpression: "#v = :v",
    ExpressionAttributeNames: names,
    ExpressionAttributeValues: { ":v": { S: String(version) } },
  };
}
