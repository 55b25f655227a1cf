// What one filter may cost: every row that is read is held against all of it.

import { operandOf, operators, type Operator } from "@bk/db";

import { badRequest } from "../error-response.js";
import type { DataLimits } from "./controls.js";

export type FilterLimits = Pick<DataLimits, "maxFilterTests" | "maxFilterPatterns" | "maxFilterDepth" | "maxItems">;

/** Most characters of a pattern: a match takes the lengths of text and pattern multiplied. */
const maxPatternLength = 256;

/** Operators that look inside of a text. Prefixes are not among them: they cost what a comparison costs. */
const patterns: ReadonlySet<Operator> = new Set<Operator>(
  operators.filter((name) => operandOf(name) === "text" && !name.endsWith("begins_with")),
);

/** Counts what a filter asks for. Each method throws HttpError 400, naming field and limit, when it is too much. */
export class FilterCost {
  readonly #limits: FilterLimits;
  #tests = 0;
  #patterns = 0;
  #listed = 0;

  constructor(limits: FilterLimits) {
    this.#limits = limits;
  }

  /** One comparison; of a list all its values count. */
  test(operator: Operator, operand: unknown, name: string): void {
    const { maxFilterTests, maxFilterPatterns, maxItems } = this.#limits;
    if (++this.#tests > maxFilterTests) throw tooMuch(`a filter has at most ${maxFilterTests} comparisons`, name);
    if (Array.isArray(operand) && (this.#listed += operand.length) > maxItems)
      throw tooMuch(`the lists of a filter have at most ${maxItems} values together`, name);
    if (!patterns.has(operator)) return;
    if (++this.#patterns > maxFilterPatterns)
      throw tooMuch(`a filter has at most ${maxFilterPatterns} of contains, ends_with, like and ilike`, name);
    if (typeof operand === "string" && operand.length > maxPatternLength)
      throw tooMuch(`the text of ${operator} has at most ${maxPatternLength} characters`, name);
  }

  /** A group and its members; empty ones cost something too. */
  group(depth: number, members: number, name: string): void {
    const { maxFilterDepth, maxFilterTests } = this.#limits;
    if (depth > maxFilterDepth) throw tooMuch(`$or, $and and $not are nested at most ${maxFilterDepth} deep`, name);
    if (members > maxFilterTests) throw tooMuch(`a group has at most ${maxFilterTests} members`, name);
  }
}

function tooMuch(rule: string, name: string): Error {
  return badRequest(`${name.slice(0, 80)}: ${rule}`, name);
}
