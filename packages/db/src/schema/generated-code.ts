// Functions made of source text, where the runtime allows it. Workers, and pages with a content security policy, forbid it.

let forbidden = false;

/**
 * Makes a function of its source; undefined where code from strings is forbidden: the caller has closures that do the same.
 *
 * @param scope  what the source may use, by name
 * @param body   the body of a function that returns the wanted one
 */
export function generatedFunction<Wanted>(scope: Readonly<Record<string, unknown>>, body: string): Wanted | undefined {
  if (forbidden) return undefined;
  let make: Function;
  try {
    make = new Function(...Object.keys(scope), body);
  } catch (error) {
    if (!(error instanceof EvalError)) throw error;
    // It is not tried again: a page may report each try as a violation.
    forbidden = true;
    return undefined;
  }
  return make(...Object.values(scope)) as Wanted;
}
