// Tests of texts as regular expressions of PCRE: the end is `\z`, so that ends of lines are characters
// like any other. Where a run of any characters stands before a text, the first place of the text is taken for good (`(?>…)`),
// which is enough for `like` and takes time in proportion to the lengths.

import { DbError } from "../../errors.js";

/** Most bytes of a regular expression, set by MongoDB. */
const maxPatternBytes = 32_000;

/** Makes the expression of a test for a text. */
export function pattern(op: "ends_with" | "not_ends_with" | "contains" | "not_contains"): (text: string) => string {
  const end = op.endsWith("ends_with") ? "\\z" : "";
  return (text) => checked(`${escaped(text)}${end}`);
}

/** The expression of a `like` pattern, which does not end in a lone backslash. */
export function likePattern(like: string): string {
  const [first = "", ...rest] = partsOf(like);
  const last = rest.pop();
  if (last === undefined) return checked(`^${first}\\z`);
  const middle = rest.filter((part) => part !== "").map((part) => `(?>.*?${part})`);
  return checked(`^${first}${middle.join("")}${last === "" ? "" : `.*${last}\\z`}`);
}

/** What stands between the runs of any characters, each as an expression of fixed length. */
function partsOf(like: string): string[] {
  const parts = [""];
  let isEscaped = false;
  for (const character of like) {
    if (!isEscaped && character === "\\") {
      isEscaped = true;
      continue;
    }
    if (!isEscaped && character === "%") parts.push("");
    else parts[parts.length - 1] += !isEscaped && character === "_" ? "." : escaped(character);
    isEscaped = false;
  }
  return parts;
}

function escaped(text: string): string {
  return text.replace(/[\\^$.|?*+()[\]{}\-#/]/g, "\\$&");
}

function checked(expression: string): string {
  if (expression.length <= maxPatternBytes / 3 || new TextEncoder().encode(expression).length <= maxPatternBytes) return expression;
  throw new DbError("too-large", `a text that is searched for inside others takes at most ${maxPatternBytes} bytes on MongoDB`);
}
