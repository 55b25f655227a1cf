// Which languages a client asks for, and which of those that there are it gets (RFC 9110, 12.5.4; RFC 4647, 3.4).

/** More of a header is not read. */
const longest = 500;
const mostRanges = 20;
const range = /^([a-z]{1,8}(?:-[a-z0-9]{1,8}){0,7}|\*)$/;

/** Language tags in lower case, the most wanted first. What is malformed, or not wanted (`q=0`), is left out. */
export function askedLanguages(header: string): string[] {
  return header
    .slice(0, longest)
    .split(",", mostRanges)
    .flatMap((part, at) => {
      const [tag = "", ...parameters] = part.split(";").map((each) => each.trim().toLowerCase());
      const weight = parameters.find((each) => each.startsWith("q="))?.slice(2);
      const q = weight === undefined ? 1 : /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(weight) ? Number(weight) : 0;
      return range.test(tag) && q > 0 ? [{ tag, q, at }] : [];
    })
    .sort((a, b) => b.q - a.q || a.at - b.at)
    .map(({ tag }) => tag);
}

/**
 * The languages to look in, one after another: for each that is asked for itself, then the same with less said of it (`zh-hant-tw`, `zh-hant`, `zh`), and where
 * none of these is there, one that says more (`pt-br` for `pt`). `*` ends the list: any will do.
 *
 * @param known  tags in lower case
 */
export function languageChain(asked: readonly string[], known: ReadonlySet<string>): string[] {
  const chain = new Set<string>();
  for (const tag of asked) {
    if (tag === "*") break;
    const parts = tag.split("-");
    const shorter = parts.map((_part, i) => parts.slice(0, parts.length - i)).filter((each) => each.at(-1)!.length > 1);
    const found = shorter.map((each) => each.join("-")).filter((each) => known.has(each));
    const longer = found.length > 0 ? undefined : [...known].sort().find((each) => each.startsWith(`${parts[0]}-`));
    for (const each of longer === undefined ? found : [longer]) chain.add(each);
  }
  return [...chain];
}
