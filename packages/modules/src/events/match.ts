// Which events a listener wants: prefixes of paths, and properties with their values.

import { invalid } from "../common/failures.js";
import type { AccountEvent } from "./account-events.js";

export type EventTest = (event: AccountEvent) => boolean;

const mostTerms = 20;

/**
 * Reads `/message,/connection,type:like`: events whose path begins with one of the prefixes, where there are any, and whose properties
 * have one of the values given for them. The form `path.*type:*value` of old clients means `path,type:value`.
 *
 * @throws BkError `invalid` for anything else
 */
export function readMatch(text: string): EventTest {
  const old = /^(\/[\w/-]*)\.\*(\w+):\*?(\w+)$/.exec(text);
  const terms = old === null ? text.split(",").map((term) => term.trim()) : [old[1]!, `${old[2]!}:${old[3]!}`];
  if (terms.length > mostTerms) throw invalid(`match has more than ${mostTerms} terms`, "match");
  const prefixes: string[] = [];
  const values = new Map<string, string[]>();
  for (const term of terms) {
    const property = /^(\w{1,64}):([^,\s]{1,200})$/.exec(term);
    if (property !== null) values.set(property[1]!, [...(values.get(property[1]!) ?? []), property[2]!]);
    else if (/^\/[\w/-]*$/.test(term)) prefixes.push(term);
    else throw invalid("match is a comma list of paths, such as /message, and of properties, such as type:like", "match");
  }
  return (event) =>
    (prefixes.length === 0 || prefixes.some((prefix) => event.path.startsWith(prefix))) &&
    [...values].every(([name, wanted]) => Object.hasOwn(event, name) && wanted.includes(String(event[name])));
}
