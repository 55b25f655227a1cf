// What a key may be used for.
import { invalid } from "../errors.js";
import { compilePatterns, readings } from "../path-pattern.js";

const form = /^(?:([A-Z]+(?:,[A-Z]+)*) )?([/*][^?#\s]*)$/;

/**
 * Compiles scopes such as `/data/*` or `GET,HEAD /data/*`: any of them opens a request. Without a list a key may do what its account may.
 *
 * @throws AuthError `invalid` for a text that is no scope
 */
export function compileScopes(scopes: readonly string[] | null | undefined): (method: string, path: string) => boolean {
  if (scopes === undefined || scopes === null) return () => true;
  const tests = scopes.map((scope) => {
    const match = typeof scope === "string" ? form.exec(scope) : null;
    if (match === null) throw invalid("scopes", "holds a text that is neither a path pattern nor methods and a path pattern");
    const methods = match[1]?.split(",");
    const fits = compilePatterns([match[2]!]);
    return (method: string, path: string): boolean =>
      (methods === undefined || methods.includes(method)) && readings(path).every((reading) => fits(reading));
  });
  return (method, path) => tests.some((test) => test(method, path));
}
