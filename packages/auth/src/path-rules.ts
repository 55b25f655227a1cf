// Lists of paths, each for some methods or for all, compiled into one question.
import { closingReadings, compilePatterns, type PathPattern, type PathTest, readings } from "./path-pattern.js";

/**
 * A path pattern, or methods and a path pattern: `/data/*`, `POST,PUT /data/*`. `GET` means `HEAD` too. Endpoints that take any method for
 * anything are not told apart by it.
 */
export type RulePattern = PathPattern;

export type RuleTest = (method: string, path: string) => boolean;

const form = /^(?:([A-Z]+(?:,[A-Z]+)*) )?([/*][^?#\s]*)$/;

/** Whether a pattern can be compiled. */
export function isRulePattern(pattern: unknown): pattern is RulePattern {
  return pattern instanceof RegExp || (typeof pattern === "string" && form.test(pattern));
}

/** What opens a path must fit every way to read it. */
export function opening(patterns: readonly RulePattern[]): RuleTest {
  return compile(patterns, (test) => (path) => readings(path).every(test));
}

/** What closes a path may fit any way to read it. */
export function closing(patterns: readonly RulePattern[]): RuleTest {
  return compile(patterns, (test) => (path) => closingReadings(path).some(test));
}

function compile(patterns: readonly RulePattern[], reading: (test: PathTest) => PathTest): RuleTest {
  if (patterns.length === 0) return () => false;
  const forAll: PathPattern[] = [];
  const byMethods = new Map<string, PathPattern[]>();
  for (const pattern of patterns) {
    const match = typeof pattern === "string" ? form.exec(pattern) : null;
    const methods = match?.[1];
    if (methods === undefined) forAll.push(pattern);
    else byMethods.set(methods, [...(byMethods.get(methods) ?? []), match![2]!]);
  }
  const all = remembering(reading(compilePatterns(forAll)));
  if (byMethods.size === 0) return (_method, path) => all(path);
  const some = [...byMethods].map(([methods, paths]) => {
    const names = methods.split(",");
    const fits = remembering(reading(compilePatterns(paths)));
    return { names: names.includes("GET") ? [...names, "HEAD"] : names, fits };
  });
  return (method, path) => all(path) || some.some(({ names, fits }) => names.includes(method) && fits(path));
}

/** Answers that are kept for one rule, and the longest path that they are kept for: paths come from anybody. */
const mostKept = 1000;
const longestKept = 200;

/** An app has few paths, which are asked for again and again. */
function remembering(test: PathTest): PathTest {
  const kept = new Map<string, boolean>();
  return (path) => {
    const known = kept.get(path);
    if (known !== undefined) return known;
    const fits = test(path);
    if (path.length > longestKept) return fits;
    if (kept.size >= mostKept) kept.clear();
    kept.set(path, fits);
    return fits;
  };
}
