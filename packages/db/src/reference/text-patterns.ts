// `like` and `ilike`: `%` any run of code points, `_` any one, `\` makes the next one ordinary; line ends are as any other.

const anyRun = -2;
const anyOne = -1;
const backslash = 0x5c;
const percent = 0x25;
const underscore = 0x5f;

/** Lower case of one code point where that is one code point again, else itself. */
function foldCodePoint(point: number): number {
  if (point < 0x80) return point >= 0x41 && point <= 0x5a ? point + 32 : point;
  const lower = String.fromCodePoint(point).toLowerCase();
  const folded = lower.codePointAt(0)!;
  return lower.length === (folded > 0xffff ? 2 : 1) ? folded : point;
}

/** A text folded as `ilike` folds both sides: code point by code point. */
export function foldText(text: string): string {
  let folded = "";
  for (const char of text) folded += String.fromCodePoint(foldCodePoint(char.codePointAt(0)!));
  return folded;
}

/** A text as a pattern that matches it alone. */
export function escapePattern(text: string): string {
  return text.replace(/[\\%_]/g, "\\$&");
}

/** The same pattern without a lone backslash at its end, which stands for itself. */
export function closePattern(pattern: string): string {
  const backslashes = /\\*$/.exec(pattern)![0].length;
  return backslashes % 2 === 1 ? `${pattern}\\` : pattern;
}

/**
 * A function that tells whether a whole text matches the pattern.
 *
 * Takes time in proportion to the lengths of text and pattern multiplied, at most.
 *
 * @param folded  fold both sides, as `ilike`
 */
export function compilePattern(pattern: string, folded: boolean): (text: string) => boolean {
  const tokens = tokensOf(pattern, folded);
  return (text) => matchTokens(tokens, text, folded);
}

function tokensOf(pattern: string, folded: boolean): number[] {
  const tokens: number[] = [];
  let isEscaped = false;
  for (const char of pattern) {
    const point = char.codePointAt(0)!;
    if (!isEscaped && point === backslash) isEscaped = true;
    else {
      if (isEscaped || (point !== percent && point !== underscore)) tokens.push(folded ? foldCodePoint(point) : point);
      else if (point === underscore) tokens.push(anyOne);
      else if (tokens.at(-1) !== anyRun) tokens.push(anyRun);
      isEscaped = false;
    }
  }
  if (isEscaped) tokens.push(backslash);
  return tokens;
}

// Greedy with one place to go back to: an earlier run never needs to be longer than it was when a later one is reached.
function matchTokens(tokens: readonly number[], text: string, folded: boolean): boolean {
  let at = 0;
  let next = 0;
  let runToken = -1;
  let runEnd = 0;
  while (at < text.length) {
    const token = tokens[next];
    const point = text.codePointAt(at)!;
    if (token === anyRun) {
      runToken = next++;
      runEnd = at;
    } else if (token === anyOne || token === (folded ? foldCodePoint(point) : point)) {
      next++;
      at += point > 0xffff ? 2 : 1;
    } else if (runToken >= 0) {
      runEnd += text.codePointAt(runEnd)! > 0xffff ? 2 : 1;
      at = runEnd;
      next = runToken + 1;
    } else return false;
  }
  while (tokens[next] === anyRun) next++;
  return next === tokens.length;
}
